import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";

const parse = (market: object) => parseConfig({ version: 1, market }, "rig.yaml", "/").market;
const URL = "https://pool.example.org/api";

describe("accounts at pools", () => {
  const yiimp = { shape: "yiimp", url: URL };

  test("are asked every quarter of an hour, and by default for the coin that is mined", () => {
    const [account] = parse({ accounts: [yiimp] }).accounts;
    expect(account).toMatchObject({ shape: "yiimp", url: URL, every: 900_000, unit: 1, balance: [] });
    expect(account).not.toHaveProperty("coin");
  });

  const wrong: readonly [string, readonly object[], string][] = [
    ["no place", [{ shape: "yiimp" }], "market.accounts[0].url"],
    ["two places", [{ ...yiimp, file: "a.json" }], "market.accounts[0].url"],
    ["no unit", [{ shape: "open-pool", url: URL, currency: "RVN" }], "market.accounts[0].unit"],
    ["no currency", [{ shape: "open-pool", url: URL, unit: 1e-8 }], "market.accounts[0].currency"],
    ["no pointer", [{ shape: "json", url: URL, unit: 1, currency: "KAS" }], "market.accounts[0].balance"],
    ["a look every second", [{ ...yiimp, everyS: 1 }], "market.accounts[0].everyS"],
    ["one coin and pool twice", [yiimp, { ...yiimp, url: `${URL}/b` }], "market.accounts[1].pool"],
  ];
  test.each(wrong)("with %s are refused", (_title, accounts, field) => {
    expect(() => parse({ accounts })).toThrow(field);
  });

  test("may be several of one coin where each names its pool", () => {
    const accounts = ["stratum+tcp://a:1", "stratum+tcp://b:1"].map((pool) => ({ ...yiimp, pool }));
    expect(parse({ accounts }).accounts.map(({ pool }) => pool)).toEqual(["stratum+tcp://a:1", "stratum+tcp://b:1"]);
  });
});

describe("rentals", () => {
  const rental = { gpu: "RTX 3090", occupancyPct: 60 };
  const wrong: readonly [string, object, string][] = [
    ["neither ask nor place", rental, "market.rentals[0].askUsdPerHour"],
    ["an ask and a place", { ...rental, askUsdPerHour: 0.2, url: URL }, "market.rentals[0].askUsdPerHour"],
    ["two places", { ...rental, url: URL, file: "r.csv" }, "market.rentals[0].askUsdPerHour"],
    ["no pointer", { ...rental, shape: "json", url: URL }, "market.rentals[0].price"],
    [
      "more than all of the time",
      { ...rental, askUsdPerHour: 0.2, occupancyPct: 101 },
      "market.rentals[0].occupancyPct",
    ],
  ];
  test.each(wrong)("with %s are refused", (_title, one, field) => {
    expect(() => parse({ rentals: [one] })).toThrow(field);
  });

  test("are read as lines unless it is said otherwise", () => {
    expect(parse({ rentals: [{ ...rental, file: "/r.csv" }] }).rentals[0]).toMatchObject({
      shape: "csv",
      file: "/r.csv",
    });
  });
});
