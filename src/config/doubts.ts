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
const PLACEHOLDER = /^(?:rigshift|<?wallet>?(?:\..*)?)$/i;

const OWN_COIN = "devcoin";

type Doubted = Pick<RigConfig, "electricity" | "mining" | "inference" | "external" | "power">;

/** What is probably a slip and would cost the operator money; none of it keeps the rig from starting. */
export function doubtsOf(config: Doubted): readonly Doubt[] {
  const { electricity, mining } = config;
  const doubts: Doubt[] = [...idleDoubts(config)];
  if (electricity.price > DEAREST_USD_PER_KWH)
    doubts.push({
      name: "electricity",
      found: `electricity.usdPerKwh is ${electricity.price}: is that cents?`,
      mend: "write it in dollars, such as 0.15 for 15 cents",
    });
  for (const { coin, pools } of minedBy<Pick<FlightSheetConfig, "coin" | "pools">>(mining?.sheets ?? []))
    doubts.push(...pools.filter(isOutside).flatMap((pool) => poolDoubts(coin, pool)));
  return doubts;
}

type Pool = FlightSheetConfig["pools"][number];

const isOutside = ({ endpoint }: Pool): boolean => endpoint.kind === "stratum" && !isLoopback(endpoint.host);

function poolDoubts(coin: string, { url, user }: Pool): readonly Doubt[] {
  const unpaid = {
    name: `user of ${url}`,
    found: `it is the placeholder ${user}, so the pool does not know whom to pay`,
    mend: "set user beside the url among the pools, such as <wallet>.{rig}-{gpu}",
  };
  const foreign = {
    name: `coin of ${url}`,
    found: `it is ${OWN_COIN}, which only the pool built into Rigshift has`,
    mend: "set coin and algorithm of mining to what this pool pays for, with the miner that hashes it and its price: README, Mine",
  };
  return [...(PLACEHOLDER.test(user) ? [unpaid] : []), ...(coin === OWN_COIN ? [foreign] : [])];
}

/** Why no GPU could ever earn anything. */
function idleDoubts({ mining, inference, external, power }: Doubted): readonly Doubt[] {
  const { maxPower, supplies } = power.budget;
  const budgets = [{ name: "power.budget.maxW", most: maxPower }, ...supplies.map(toBudget)];
  const hasWork = mining !== undefined || inference !== undefined || external.length > 0;
  return [
    ...(hasWork ? [] : [NO_WORK]),
    ...budgets
      .filter(({ most }) => most === 0)
      .map(({ name }) => ({
        name,
        found: "it is 0, so no GPU under it may ever work",
        mend: "give the watts that may be drawn, or leave it out for no limit",
      })),
  ];
}

const toBudget = ({ maxPower }: RigConfig["power"]["budget"]["supplies"][number], index: number) => ({
  name: `power.budget.supplies[${index}].maxW`,
  most: maxPower,
});

const NO_WORK: Doubt = {
  name: "work",
  found: "neither mining, inference nor external is there, so the rig can never earn anything",
  mend: "set one of them; rig.example.yaml shows each",
};
