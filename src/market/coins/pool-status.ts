import { type Fields, numberOf, toFields, toPositive } from "../answer.ts";
import { answerFault } from "../errors.ts";
import { type CoinSighting, isAlgorithm, type WantedCoin } from "./sighting.ts";

const PER_HASH = "_in_btc_per_hash_per_day";
const DAY_S = 86_400;

/**
 * What a multi-algorithm pool's `api/status` pays for the wanted algorithm: bitcoin per day for `mbtc_mh_factor` MH/s,
 * the pool's fee taken off already. The lower of now and the last day: a single lucky block is no price.
 */
export function parsePoolStatus(body: unknown, wanted: WantedCoin): CoinSighting | undefined {
  const found = Object.entries(toFields(body, "the answer")).filter(
    ([algorithm, entry]) => isAlgorithm(algorithm, wanted.algorithm) && entry !== null,
  );
  const [first] = found;
  if (first === undefined) return undefined;
  const [name, entry] = first;
  if (found.length > 1) throw answerFault(name, `the same algorithm as ${found[1]?.[0]}`);
  const fields = toFields(entry, name);
  const estimates = ["estimate_current", "estimate_last24h"]
    .filter((key) => fields[key] !== undefined || fields[key + PER_HASH] !== undefined)
    .map((key) => perHashDay(fields, key, name));
  if (estimates.length === 0) throw answerFault(`${name}.estimate_current`, "there is none");
  return { perTerahash: (Math.min(...estimates) / DAY_S) * 1e12, currency: "BTC", afterPoolFee: true };
}

/** Bitcoin per H/s and day. A pool that does not say what its figure counts is refused: the factor is 1 to a million. */
function perHashDay(fields: Fields, key: string, name: string): number {
  const direct = numberOf(fields[key + PER_HASH]);
  if (direct !== undefined && direct > 0) return direct;
  if (fields.mbtc_mh_factor === undefined)
    throw answerFault(`${name}.mbtc_mh_factor`, "missing, so the unit of the estimates is unknown");
  return (
    toPositive(fields[key], `${name}.${key}`) / (toPositive(fields.mbtc_mh_factor, `${name}.mbtc_mh_factor`) * 1e6)
  );
}
