import { describe, expect, test } from "vitest";
import { type AccountState, CreditCounter } from "../../../../src/market/accounts/credits.ts";
import { type UnixMs, unixMs } from "../../../../src/units/time.ts";

const START = 1_760_000_000_000;
const at = (minute: number): UnixMs => unixMs(START + minute * 60_000);

type Look = Omit<AccountState, "at" | "currency"> & { readonly minute: number };

/** Everything that is booked of these looks, as [from, to, amount]. */
function book(looks: readonly Look[], counter = new CreditCounter()): readonly (readonly [number, number, number])[] {
  const booked: [number, number, number][] = [];
  for (const { minute, ...rest } of looks) {
    counter.look({ at: at(minute), currency: "BTC", ...rest });
    const { due } = counter;
    if (due === undefined) continue;
    booked.push([(due.from - START) / 60_000, (due.to - START) / 60_000, Number(due.amount.toFixed(9))]);
    counter.booked();
  }
  return booked;
}

/** A balance that grows by 1 in 30 minutes, seen that often. */
const grow = (count: number, from = 0, first = 10): readonly Look[] =>
  Array.from({ length: count }, (_, step) => ({ minute: from + step * 30, balance: first + step }));

describe("what an account was credited", () => {
  test("is booked by the hour, once the next look bears it out", () => {
    expect(book(grow(3))).toEqual([]);
    expect(book(grow(4))).toEqual([[0, 60, 2]]);
    expect(book(grow(8))).toEqual([
      [0, 60, 2],
      [60, 120, 2],
      [120, 180, 2],
    ]);
  });

  test("is nothing where nothing came in, which is booked too", () => {
    const still = [0, 30, 60, 90].map((minute) => ({ minute, balance: 5 }));
    expect(book(still)).toEqual([[0, 60, 0]]);
  });

  test("goes on over a payout where all that was ever paid is told", () => {
    const looks = grow(8).map((look, step) =>
      step < 4 ? { ...look, paid: 100 } : { ...look, balance: step, paid: 110 },
    );
    expect(book(looks).reduce((sum, [, , amount]) => sum + amount, 0)).toBe(6);
  });

  test("goes on over a payout that is listed", () => {
    const payouts = [{ at: at(100), amount: 13 }];
    const looks = grow(8).map((look, step) =>
      step < 4 ? { ...look, payouts: [] } : { ...look, balance: step - 3, payouts },
    );
    expect(book(looks)).toEqual([
      [0, 60, 2],
      [60, 120, 2],
      [120, 180, 2],
    ]);
  });

  test("does not count a listed payout whose balance did not fall", () => {
    const looks = grow(8).map((look) => ({ ...look, payouts: [{ at: at(100), amount: 13 }] }));
    expect(book(looks).every(([, , amount]) => amount === 2)).toBe(true);
  });

  test("loses what lies between the last booking and a payout that nobody tells", () => {
    const looks = [...grow(6), ...grow(5, 180, 0.5)];
    expect(book(looks)).toEqual([
      [0, 60, 2],
      [60, 120, 2],
      [180, 240, 2],
    ]);
  });

  test.each([
    ["far too much", 10_000],
    ["nothing", 0],
    ["a thousandth", 0.014],
  ])("is not led by one look that says %s", (_title, wrong) => {
    const looks = grow(10).map((look, step) => (step === 5 ? { ...look, balance: wrong } : look));
    const booked = book(looks);
    expect(booked.reduce((sum, [, , amount]) => sum + amount, 0)).toBeLessThanOrEqual(8);
    expect(booked.every(([from, to, amount]) => Math.abs(amount - (to - from) / 30) < 1e-6)).toBe(true);
    expect(booked.at(-1)?.[1]).toBeGreaterThanOrEqual(210);
  });

  test("begins anew after a reset of the pool, in another currency, and when time goes backwards", () => {
    const reset = [...grow(4), ...grow(5, 240, 0).map((look) => ({ ...look, paid: 0 }))];
    expect(book(reset)).toEqual([
      [0, 60, 2],
      [240, 300, 2],
    ]);
    const counter = new CreditCounter();
    for (const { minute, balance } of grow(3)) counter.look({ at: at(minute), currency: "BTC", balance });
    expect(counter.look({ at: at(90), currency: "LTC", balance: 900 })).toBe(true);
    expect(counter.due).toBeUndefined();
    expect(counter.look({ at: at(10), currency: "LTC", balance: 901 })).toBe(true);
    expect(counter.due).toBeUndefined();
  });

  test("is not booked twice when the same answer is read again", () => {
    const counter = new CreditCounter();
    const twice = grow(6).flatMap((look) => [look, look]);
    expect(book(twice, counter)).toEqual([
      [0, 60, 2],
      [60, 120, 2],
    ]);
  });

  test("goes on after a restart where it was", () => {
    const counter = new CreditCounter();
    book(grow(3), counter);
    expect(book(grow(3, 90, 13), new CreditCounter(counter.memory))).toEqual([
      [0, 60, 2],
      [60, 120, 2],
    ]);
  });

  test("waits while it cannot be booked", () => {
    const counter = new CreditCounter();
    for (const { minute, balance } of grow(7)) counter.look({ at: at(minute), currency: "BTC", balance });
    expect(counter.due).toMatchObject({ from: at(0), to: at(150), amount: 5 });
  });

  test("may lose a rounding error and no more", () => {
    const counter = new CreditCounter();
    counter.look({ at: at(0), currency: "BTC", balance: 1 });
    expect(counter.look({ at: at(1), currency: "BTC", balance: 1 - 1e-12 })).toBe(false);
    expect(counter.look({ at: at(2), currency: "BTC", balance: 1 - 1e-6 })).toBe(true);
  });
});
