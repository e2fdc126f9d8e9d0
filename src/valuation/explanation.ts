import type { UsdPerHour } from "../units/money.ts";
import { sayRate } from "./wording.ts";

/** How a net came about: what comes in, what each thing takes of it, what is left. */
export interface Explanation {
  /** What pays, with the rate behind it. */
  readonly subject: string;
  readonly gross: UsdPerHour;
  /** A remark on the price, such as that it was made up. */
  readonly remark?: string;
  readonly deductions: readonly Deduction[];
  readonly net: UsdPerHour;
}

export interface Deduction {
  readonly what: string;
  /** Below 0 for what comes on top. */
  readonly rate: UsdPerHour;
  /** The words already tell how much it is. */
  readonly isTold?: true;
}

/** The whole sum as one sentence. */
export function sayExplanation({ subject, gross, remark, deductions, net }: Explanation): string {
  const parts = deductions.map(({ what, rate, isTold }) => (isTold ? what : `${what} (${sayRate(rate)})`));
  const last = parts.pop();
  const list = last === undefined ? "" : `, less ${parts.length === 0 ? "" : `${parts.join(", ")} and `}${last}`;
  return `${subject} ${sayRate(gross)}${remark === undefined ? "" : ` ${remark}`}${list} = ${sayRate(net)}`;
}
