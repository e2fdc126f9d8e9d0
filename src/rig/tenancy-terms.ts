import { type UsdPerHour, usdPerHour } from "../units/money.ts";
import type { Millis } from "../units/time.ts";
import type { Teller } from "./tenant.ts";

/** What the operator says of an external workload beside its hooks. */
export interface TenancyTerms {
  readonly name: string;
  /** Whether we start and stop it; else it comes and goes by itself. */
  readonly isOurs: boolean;
  /** Of all its GPUs while it is used. */
  readonly rate?: UsdPerHour | undefined;
  readonly occupancy: number;
  readonly platformCut: number;
  readonly coolDown: Millis;
  readonly acquireTimeout: Millis;
}

type MoneyTerms = Pick<TenancyTerms, "rate" | "occupancy" | "platformCut">;

/** What external work is taken to pay while it is used, of all its GPUs together and before the cut, and who says so. */
export interface Offer {
  readonly rate?: UsdPerHour;
  readonly isSaidNow: boolean;
  readonly occupancy: number;
}

/** `isUsed`: a customer is there now. */
export function offerOf({ rate, occupancy }: MoneyTerms, earnings: UsdPerHour | undefined, isUsed: boolean): Offer {
  if (isUsed && earnings !== undefined) return { rate: earnings, isSaidNow: true, occupancy: 1 };
  if (rate !== undefined) return { rate, isSaidNow: false, occupancy: isUsed ? 1 : occupancy };
  return earnings === undefined
    ? { isSaidNow: false, occupancy: 1 }
    : { rate: earnings, isSaidNow: true, occupancy: 1 };
}

/** What comes in now, after the cut; undefined while nobody knows. */
export function incomeOf(
  { rate, occupancy, platformCut }: MoneyTerms,
  { busy, canTellBusy, earnings }: Pick<Teller, "busy" | "canTellBusy" | "earnings">,
): UsdPerHour | undefined {
  const configured = rate === undefined ? undefined : usdPerHour(canTellBusy ? rate : rate * occupancy);
  const unsaid = canTellBusy && busy === undefined ? undefined : configured;
  const gross = earnings ?? (busy === false ? usdPerHour(0) : unsaid);
  return gross === undefined ? undefined : usdPerHour(gross * (1 - platformCut));
}
