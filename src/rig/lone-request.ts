import { addUsd, toUsd, type UsdNano } from "../units/money.ts";
import { requestWorth, type TokenPrices } from "../valuation/inference.ts";

const TYPICAL = { tokensIn: 500, tokensOut: 200 };
const MEND = "raise inference.wakeValueUsd or the token prices";

/** What stands against a request: all three in the same money. */
export interface WakeSum {
  /** Price × expected tokens. */
  readonly worth: UsdNano;
  readonly wakeValue: UsdNano;
  /** Of handing the GPU over and back. */
  readonly cost: UsdNano;
}

/** Why a request was refused whose worth did not cover the handover. */
export const sayTooPoor = (sum: WakeSum): string =>
  `this request is worth ${sayWorth(sum)} and the handover costs ${say(sum.cost)}; ${MEND}`;

/** The warning where one ordinary request alone can wake nothing; undefined where it can. */
export function warnOfLoneRequest(prices: TokenPrices, wakeValue: UsdNano, cost: UsdNano): string | undefined {
  const worth = requestWorth(TYPICAL.tokensIn, TYPICAL.tokensOut, prices);
  if (addUsd(worth, wakeValue) >= cost) return undefined;
  const typical = `a request of ${TYPICAL.tokensIn} tokens in and ${TYPICAL.tokensOut} out`;
  return `${typical} is worth ${sayWorth({ worth, wakeValue, cost })} and the handover costs ${say(cost)}, so alone it wakes no engine: ${MEND}`;
}

const sayWorth = ({ worth, wakeValue }: WakeSum): string =>
  wakeValue === 0 ? say(worth) : `${say(addUsd(worth, wakeValue))} with its wake value`;

const say = (amount: UsdNano): string => `$${toUsd(amount).toFixed(6)}`;
