import type { AccountShape } from "../../config/price-terms.ts";
import type { UnixMs } from "../../units/time.ts";
import { type Fields, isFields, pointedAt, toFields, toList, toMoment, toNumber, toText } from "../answer.ts";
import { answerFault } from "../errors.ts";

/** What a pool owes one wallet and has paid it so far, in `currency`. */
export interface AccountReading {
  readonly currency: string;
  /** Credited and not paid out. */
  readonly balance: number;
  /** All that was ever paid out, where the pool says so. */
  readonly paid?: number;
  /** The latest payouts one by one, where it says that instead. */
  readonly payouts?: readonly AccountPayout[];
}

export interface AccountPayout {
  readonly at: UnixMs;
  readonly amount: number;
}

/** What a source's answer does not say about itself. */
export interface AccountPlaces {
  readonly shape: AccountShape;
  readonly currency?: string;
  /** What one unit of its figures is in `currency`. */
  readonly unit: number;
  readonly balance: readonly string[];
  readonly paid?: string;
}

const MOST = 1e12;
const MOST_PAYOUTS = 1000;

/** Reads an account of the named shape; throws `ERR_PRICE_ANSWER` naming the field. */
export function parseAccount(body: unknown, places: AccountPlaces): AccountReading {
  switch (places.shape) {
    case "yiimp":
      return parseYiimp(toFields(body, "the answer"));
    case "open-pool":
      return parseOpenPool(toFields(body, "the answer"), places);
    case "nicehash":
      return { currency: "BTC", balance: amountAt(body, "/unpaidAmount", 1) };
    case "json":
      return parsePlaces(body, places);
  }
}

/** `api/wallet` and `api/walletEx`: unpaid is the balance and what was not exchanged yet; only the latter lists payouts. */
function parseYiimp(fields: Fields): AccountReading {
  const currency = toText(fields.currency, "currency").toUpperCase();
  const balance = amountAt(fields, "/unpaid", 1);
  if (!Array.isArray(fields.payouts)) return { currency, balance };
  if (fields.payouts.length > MOST_PAYOUTS) throw answerFault("payouts", `more than ${MOST_PAYOUTS}`);
  const payouts = toList(fields.payouts, "payouts").map((entry, index) => ({
    at: toMoment(toFields(entry, `payouts.${index}`).time, `payouts.${index}.time`),
    amount: amountAt(entry, "/amount", 1),
  }));
  return { currency, balance, payouts };
}

/** `api/accounts/<address>` of 2Miners and its kin: whole numbers of a small unit; what is immature may yet be orphaned. */
function parseOpenPool(fields: Fields, { currency = "", unit }: AccountPlaces): AccountReading {
  const stats = toFields(fields.stats, "stats");
  const amount = (key: string) => (stats[key] === undefined ? 0 : amountAt(stats, `/${key}`, unit));
  return { currency, balance: amountAt(stats, "/balance", unit) + amount("pending"), paid: amount("paid") };
}

function parsePlaces(body: unknown, { currency = "", unit, balance, paid }: AccountPlaces): AccountReading {
  const owed = balance.reduce((sum, place) => sum + amountAt(body, place, unit), 0);
  return { currency, balance: owed, ...(paid === undefined ? {} : { paid: amountAt(body, paid, unit) }) };
}

function amountAt(body: unknown, place: string, unit: number): number {
  const amount = toNumber(isFields(body) || Array.isArray(body) ? pointedAt(body, place) : undefined, place) * unit;
  if (amount >= 0 && amount <= MOST) return amount;
  throw answerFault(place, `${amount} is no sum that a pool owes`);
}
