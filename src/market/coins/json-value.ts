import { HASH_PRICE_UNIT } from "../../config/price-terms.ts";
import { pointedAt, toInstant, toMoment, toPositive } from "../answer.ts";
import type { CoinSighting } from "./sighting.ts";

const PREFIX: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

export interface JsonPlace {
  readonly price: string;
  /** `USD/TH` for work done, `BTC/GH/s/day` for a rate kept up. */
  readonly unit: string;
  /** Where the time stands, ISO 8601 or Unix seconds. */
  readonly asOf?: string;
}

/** What any JSON says at a pointer. */
export function parseJsonValue(body: unknown, { price, unit, asOf }: JsonPlace): CoinSighting {
  const [, currency = "", prefix = "", span] = HASH_PRICE_UNIT.exec(unit) ?? [];
  const hashes = (PREFIX[prefix] ?? Number.NaN) * secondsOf(span);
  const at = asOf === undefined ? undefined : pointedAt(body, asOf);
  return {
    perTerahash: (toPositive(pointedAt(body, price), price) / hashes) * 1e12,
    currency,
    ...(asOf === undefined ? {} : { asOf: typeof at === "number" ? toMoment(at, asOf) : toInstant(at, asOf) }),
  };
}

const secondsOf = (span: string | undefined): number => (span === undefined ? 1 : span === "/s/h" ? 3600 : 86_400);
