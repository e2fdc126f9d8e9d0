import { isLoopback } from "./fields.ts";
import type { FlightSheetConfig, RigConfig } from "./load.ts";
import { minedBy } from "./sheet-schema.ts";

/** What a configuration may say, but hardly means. */
export interface Doubt {
  readonly name: string;
  readonly found: string;
  readonly mend: string;
}

/** Nobody pays more for a kilowatt-hour; a price in cents does. */
const DEAREST_USD_PER_KWH = 1;
/** What stands for a user that the file does not name, and what `init` proposes. */
const PLACEHOLDERS = ["rigshift", "wallet.worker"];

/** What is probably a slip and would cost the operator money; none of it keeps the rig from starting. */
export function doubtsOf({ electricity, mining }: Pick<RigConfig, "electricity" | "mining">): readonly Doubt[] {
  const doubts: Doubt[] = [];
  if (electricity.price > DEAREST_USD_PER_KWH)
    doubts.push({
      name: "electricity",
      found: `electricity.usdPerKwh is ${electricity.price}: is that cents?`,
      mend: "write it in dollars, such as 0.15 for 15 cents",
    });
  for (const { endpoint, url, user } of minedBy<Pick<FlightSheetConfig, "pools">>(mining?.sheets ?? []).flatMap(
    ({ pools }) => pools,
  ))
    if (endpoint.kind === "stratum" && !isLoopback(endpoint.host) && PLACEHOLDERS.includes(user))
      doubts.push({
        name: `user of ${url}`,
        found: `it is the placeholder ${user}, so the pool does not know whom to pay`,
        mend: "set user beside the url among the pools, such as <wallet>.{rig}-{gpu}",
      });
  return doubts;
}
