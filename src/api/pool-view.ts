import type { RigConfig } from "../config/load.ts";
import { toPrintable } from "../lib/errors.ts";
import type { StratumProxy } from "../mining/stratum/proxy.ts";
import type { PoolView } from "./shapes.ts";

const LONGEST_LOGIN = 128;

/** The embedded pool goes by its name in the configuration; its port is nobody's concern. */
export function toPoolView(
  proxy: Pick<StratumProxy, "state" | "foreign">,
  { mining }: Pick<RigConfig, "mining">,
): PoolView {
  const { state, url: address, difficulty, since, reason } = proxy.state();
  const isOurs = mining?.pools.every(({ endpoint, url }) => endpoint.kind === "devpool" || url !== address) === true;
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
    url: isOurs ? "devpool" : address,
    state,
    difficulty: difficulty ?? null,
    sinceMs: since,
    reason: reason ?? null,
    foreign,
  };
}
