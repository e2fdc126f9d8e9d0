import { expect, test } from "vitest";
import { bookCredit } from "../../../../src/market/accounts/book-credit.ts";
import type { CoinQuote } from "../../../../src/market/file.ts";
import { toUsdNano, usdPerTerahash } from "../../../../src/units/money.ts";
import { minutes, unixMs } from "../../../../src/units/time.ts";
import { T0 } from "../../../support/ledger-rows.ts";

const CREDIT = { from: unixMs(T0 - 3_600_000), to: unixMs(T0), credited: toUsdNano(1), coin: "kas" };
const QUOTE: CoinQuote = {
  coin: "kas",
  algorithm: "kheavyhash",
  value: usdPerTerahash(20),
  unit: "USD/TH",
  currency: "USD",
  source: "test",
  asOf: unixMs(T0),
  maxAge: minutes(10),
  invented: false,
};

const { value: _, ...unvalued } = QUOTE;
const rows = [
  ["of work that has a price now is booked", QUOTE, T0, 1],
  ["of work whose price is too old is not: there is no estimate to hold it against", QUOTE, T0 + 600_001, 0],
  ["of work that has no price yet is not", { ...unvalued, value: undefined }, T0, 0],
  ["of a coin that this rig does not mine is booked", undefined, T0, 1],
] as const;
for (const [title, quote, now, count] of rows)
  test(`a pool's credit ${title}`, () => {
    const booked: unknown[] = [];
    const payouts = { addCredit: (credit: unknown) => void booked.push(credit) };
    bookCredit(CREDIT, { quote, payouts, now: unixMs(now) });
    expect(booked).toEqual(Array.from({ length: count }, () => CREDIT));
  });
