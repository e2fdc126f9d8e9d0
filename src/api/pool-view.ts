import type { FlightSheetConfig } from "../config/load.ts";
import { toPrintable } from "../lib/errors.ts";
import type { StratumProxy } from "../mining/stratum/proxy.ts";
import type { PoolView } from "./shapes.ts";

const LONGEST_LOGIN = 128;

interface SheetPools {
  readonly sheet: Pick<FlightSheetConfig, "name" | "pools">;
  readonly proxy: Pick<StratumProxy, "state" | "foreign">;
}

interface SheetsPools extends SheetPools {
  readonly sheet: SheetPools["sheet"] & Pick<FlightSheetConfig, "dual">;
  readonly dual?: Pick<SheetPools, "proxy">;
}

/** Of each coin; that of a second one goes by the flight sheet and the coin, such as `beta+bcoin`. */
export const toPoolViews = ({ sheet, proxy, dual }: SheetsPools): readonly PoolView[] => [
  toPoolView({ sheet, proxy }),
  ...(dual === undefined || sheet.dual === undefined
    ? []
    : [toPoolView({ sheet: { name: `${sheet.name}+${sheet.dual.coin}`, pools: sheet.dual.pools }, ...dual })]),
];

/** The embedded pool goes by its name in the configuration; its port is nobody's concern. */
export function toPoolView({ sheet: { name, pools }, proxy }: SheetPools): PoolView {
  const { state, url: address, difficulty, since, reason } = proxy.state();
  const isOurs = pools.every(({ endpoint, url }) => endpoint.kind === "devpool" || url !== address);
  const foreign = proxy.foreign().map(({ worker, accepted, rejected, unknown, expectedHashes, ...at }) => ({
    login: toPrintable(worker).slice(0, LONGEST_LOGIN),
    sharesAccepted: accepted,
    sharesRejected: rejected,
    sharesUnknown: unknown,
    expectedHashes,
    sinceMs: at.since,
    lastMs: at.last,
  }));
  return {
    sheet: name,
    url: isOurs ? "devpool" : address,
    state,
    difficulty: difficulty ?? null,
    sinceMs: since,
    reason: reason ?? null,
    foreign,
  };
}
