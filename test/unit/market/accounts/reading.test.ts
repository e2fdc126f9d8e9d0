import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AccountPlaces, parseAccount } from "../../../../src/market/accounts/reading.ts";
import { PriceSourceError } from "../../../../src/market/errors.ts";

const places = (changes: Partial<AccountPlaces> & Pick<AccountPlaces, "shape">): AccountPlaces => ({
  unit: 1,
  balance: [],
  ...changes,
});
const YIIMP = places({ shape: "yiimp" });
const OPEN = places({ shape: "open-pool", currency: "RVN", unit: 1e-8 });
const NICEHASH = places({ shape: "nicehash" });
const JSON_PLACES = places({ shape: "json", currency: "KAS", unit: 1, balance: ["/due", "/locked/0"], paid: "/paid" });

describe("a pool's account", () => {
  // As the pools document it: yiimp's api page, 2Miners' and NiceHash's answers.
  test("of yiimp is what is unpaid, in the wallet's currency", () => {
    const wallet = {
      currency: "btc",
      unsold: 0.00050362,
      balance: "0.0001",
      unpaid: 0.00060362,
      paid24h: 0.1,
      total: 0.1,
    };
    expect(parseAccount(wallet, YIIMP)).toEqual({ currency: "BTC", balance: 0.00060362 });
    const payouts = [{ time: 1529860641, amount: "0.00100000", tx: "a" }];
    expect(parseAccount({ ...wallet, payouts }, YIIMP)).toEqual({
      currency: "BTC",
      balance: 0.00060362,
      payouts: [{ at: 1529860641000, amount: 0.001 }],
    });
  });

  test("of 2Miners and its kin is the balance, what is being paid and what was, without what may be orphaned", () => {
    const body = {
      stats: { balance: 1_250_000_000, immature: 7e9, paid: 91_575_000_000, pending: 50_000_000 },
      workers: {},
    };
    expect(parseAccount(body, OPEN)).toEqual({ currency: "RVN", balance: 13, paid: 915.75 });
  });

  test("of NiceHash is the unpaid amount in bitcoin", () => {
    const body = { unpaidAmount: "0.00012345", btcAddress: "3Mk", miningRigs: [{ unpaidAmount: "1" }] };
    expect(parseAccount(body, NICEHASH)).toEqual({ currency: "BTC", balance: 0.00012345 });
  });

  test("of any other is the sum of what stands at its places", () => {
    expect(parseAccount({ due: "1.5", locked: [2], paid: 40 }, JSON_PLACES)).toEqual({
      currency: "KAS",
      balance: 3.5,
      paid: 40,
    });
  });

  const faults: readonly [string, unknown, AccountPlaces, string][] = [
    ["an error page parsed as text", "<html>", YIIMP, "the answer"],
    ["without a currency", { unpaid: 1 }, YIIMP, "currency"],
    ["without a sum", { currency: "BTC" }, YIIMP, "/unpaid"],
    ["with a sum below 0", { currency: "BTC", unpaid: -1 }, YIIMP, "/unpaid"],
    ["with no number", { currency: "BTC", unpaid: "NaN" }, YIIMP, "/unpaid"],
    ["with more than there is", { currency: "BTC", unpaid: 1e300 }, YIIMP, "/unpaid"],
    ["with a payout at no time", { currency: "BTC", unpaid: 1, payouts: [{ amount: 1 }] }, YIIMP, "payouts.0.time"],
    ["with too many payouts", { currency: "BTC", unpaid: 1, payouts: Array(2000).fill({}) }, YIIMP, "payouts"],
    ["without stats", { error: "not found" }, OPEN, "stats"],
    ["without a balance", { stats: { paid: 3 } }, OPEN, "/balance"],
    ["of a list", [], NICEHASH, "/unpaidAmount"],
    ["with one place empty", { due: 1, paid: 2 }, JSON_PLACES, "/locked/0"],
  ];
  test.each(faults)("%s is refused and says where", (_title, body, of, field) => {
    expect(() => parseAccount(body, of)).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_PRICE_ANSWER" }) }),
    );
    expect(() => parseAccount(body, of)).toThrow(field);
  });

  test("is a sum of 0 or more, or a refusal, whatever is answered", () => {
    const keys = [
      "currency",
      "unpaid",
      "payouts",
      "time",
      "amount",
      "stats",
      "balance",
      "pending",
      "paid",
      "unpaidAmount",
    ];
    const body = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom("BTC", "1", "-1", "1e999", null, true),
        fc.double(),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie("any"), { maxKeys: 6 }),
      ),
    })).any;
    fc.assert(
      fc.property(body, fc.constantFrom(YIIMP, OPEN, NICEHASH, JSON_PLACES), (value, of) => {
        try {
          const { balance, paid = 0 } = parseAccount(value, of);
          expect(Math.min(balance, paid)).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(PriceSourceError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
