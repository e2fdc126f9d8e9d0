import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RigError, toOneLine } from "../../../src/lib/errors.ts";
import { readMarketFile } from "../../../src/market/file.ts";
import { isStale, type Quote } from "../../../src/market/quote.ts";
import { type Millis, minutes, type UnixMs, unixMs } from "../../../src/units/time.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = new TemporaryDirectory("rigshift market");
});
afterEach(() => directory[Symbol.dispose]());

const COIN = { coin: "btc", algorithm: "sha256d", usdPerTerahash: 5.5e-7 };
const FILE = { version: 1, source: "by hand", asOf: "2026-11-22T00:00:00Z", invented: false, coins: [COIN] };
const write = (content: unknown): string =>
  directory.write("market.json", typeof content === "string" ? content : JSON.stringify(content));

function faultOf(path: string): RigError {
  try {
    readMarketFile(path);
  } catch (error) {
    if (error instanceof RigError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

describe("the sample market", () => {
  test("is found wherever Rigshift is installed, and says that its price is invented and does not age", () => {
    const market = readMarketFile("sample");
    const devcoin = market.coin("devcoin", "sha256d");
    expect(market.source).toBe("Rigshift sample market");
    expect(devcoin).toMatchObject({ coin: "devcoin", algorithm: "sha256d", invented: true });
    expect(devcoin.value).toBeGreaterThan(0);
    expect(devcoin.maxAge).toBeUndefined();
  });
});

describe("a market file", () => {
  test("gives each coin its price with source, time and age", () => {
    const market = readMarketFile(write({ ...FILE, maxAgeS: 600, note: "from the pool's page" }));
    expect(market.coin("btc", "sha256d")).toEqual({
      coin: "btc",
      algorithm: "sha256d",
      value: 5.5e-7,
      unit: "USD/TH",
      currency: "USD",
      source: "by hand",
      asOf: Date.UTC(2026, 10, 22),
      maxAge: 600_000,
      invented: false,
    });
  });

  test("may stand in a folder with a space in its name", () => {
    expect(readMarketFile(write(FILE)).source).toBe("by hand");
  });

  test("names the coins it knows when asked for another one", () => {
    const market = readMarketFile(write({ ...FILE, coins: [COIN, { ...COIN, coin: "bch" }] }));
    expect(() => market.coin("doge", "sha256d")).toThrow(
      expect.objectContaining({
        facts: expect.objectContaining({ code: "ERR_MARKET_COIN", mend: expect.stringContaining("one of btc, bch,") }),
      }),
    );
  });

  test("says what to do when it lists no coin at all", () => {
    const market = readMarketFile(write({ ...FILE, coins: [] }));
    expect(() => market.coin("__proto__", "sha256d")).toThrow("does not list the coin __proto__");
  });
});

test("a market file of a time still to come is refused, beyond what clocks differ, and never fresh", () => {
  const asOf = Date.parse(FILE.asOf);
  const path = write({ ...FILE, maxAgeS: 600 });
  expect(readMarketFile(path, unixMs(asOf - minutes(5))).source).toBe("by hand");
  expect(() => readMarketFile(path, unixMs(asOf - minutes(5) - 1))).toThrow(
    "asOf: 2026-11-22T00:00:00Z is still to come: here it is 2026-11-21T23:54:59.999Z",
  );
  const quote = readMarketFile(path).coin("btc", "sha256d");
  expect([minutes(5), minutes(6)].map((ahead) => isStale(quote, unixMs(asOf - ahead)))).toEqual([false, true]);
});

test("the sample does not depend on this computer's clock", () => {
  expect(readMarketFile("sample", unixMs(0)).source).toBe("Rigshift sample market");
});

describe("a malformed market file", () => {
  const { source: _source, ...withoutSource } = FILE;
  const { invented: _invented, ...withoutInvented } = FILE;
  const files: readonly [string, unknown, string][] = [
    ["of another version", { ...FILE, version: 2 }, "version"],
    ["without a source", withoutSource, "source"],
    ["with an empty source", { ...FILE, source: "" }, "source"],
    ["with an endless source", { ...FILE, source: "x".repeat(201) }, "source"],
    ["whose time is a word", { ...FILE, asOf: "today" }, "asOf"],
    ["whose time is a number", { ...FILE, asOf: 1_760_000_000_000 }, "asOf"],
    ["whose day does not exist", { ...FILE, asOf: "2026-02-30T00:00:00Z" }, "asOf"],
    ["whose prices would have aged before they were made", { ...FILE, maxAgeS: -1 }, "maxAgeS"],
    ["whose prices age at once", { ...FILE, maxAgeS: 0 }, "maxAgeS"],
    ["that does not say whether it is invented", withoutInvented, "invented"],
    ["that says so in words", { ...FILE, invented: "no" }, "invented"],
    ["with a novel for a note", { ...FILE, note: "x".repeat(1001) }, "note"],
    ["without a list of coins", { ...FILE, coins: { btc: 1 } }, "coins"],
    ["with more coins than any market has", { ...FILE, coins: Array(1001).fill(COIN) }, "coins"],
    ["with a coin that has no name", { ...FILE, coins: [{ ...COIN, coin: "" }] }, "coins.0.coin"],
    ["with a coin whose name is a number", { ...FILE, coins: [COIN, { ...COIN, coin: 7 }] }, "coins.1.coin"],
    [
      "with a coin listed twice, at whatever price",
      { ...FILE, coins: [COIN, { ...COIN, usdPerTerahash: 9 }] },
      "coins.1.coin",
    ],
    ["with no algorithm", { ...FILE, coins: [{ ...COIN, algorithm: "" }] }, "coins.0.algorithm"],
    ["with a negative price", { ...FILE, coins: [{ ...COIN, usdPerTerahash: -1 }] }, "coins.0.usdPerTerahash"],
    ["with a price of nothing", { ...FILE, coins: [{ ...COIN, usdPerTerahash: 0 }] }, "coins.0.usdPerTerahash"],
    ["with a price in words", { ...FILE, coins: [{ ...COIN, usdPerTerahash: "5.5e-7" }] }, "coins.0.usdPerTerahash"],
    ["with no price", { ...FILE, coins: [{ ...COIN, usdPerTerahash: null }] }, "coins.0.usdPerTerahash"],
    [
      "with a price beyond all numbers",
      JSON.stringify({ ...FILE, coins: [{ ...COIN, usdPerTerahash: 7 }] }).replace(":7}", ":1e999}"),
      "coins.0.usdPerTerahash",
    ],
    [
      "with a misspelt field of a coin",
      { ...FILE, coins: [{ ...COIN, usdPerTerrahash: 1 }] },
      "coins.0.usdPerTerrahash",
    ],
    ["with a field nobody knows", { ...FILE, price: 1 }, "price"],
    ["that is a list", [FILE], "the file"],
    ["that is nothing", "null", "the file"],
  ];
  test.each(files)("%s names the field and the mend", (_title, content, field) => {
    const path = write(content);
    const fault = faultOf(path);
    expect(fault.facts).toMatchObject({ code: "ERR_MARKET_FILE", file: path, mend: `correct ${field}` });
    expect(fault.message).toContain(`market file ${path}: ${field}: `);
    expect(fault.message).not.toMatch(/\[object|Too (small|big)|expected|Invalid|Unrecognized|wanted listed/);
  });

  const unreadable: readonly [string, () => string][] = [
    ["is missing", () => `${directory.path}/none.json`],
    ["is a folder", () => directory.path],
    ["is empty", () => write("")],
    ["is no JSON", () => write('{\n  "version": 1,\n  oops\n}')],
    ["is over a megabyte", () => write(JSON.stringify({ ...FILE, padding: "x".repeat(1 << 20) }))],
  ];
  test.each(unreadable)("that %s says so in one line", (_title, makePath) => {
    const fault = faultOf(makePath());
    expect(fault.facts).toMatchObject({ code: "ERR_MARKET_FILE" });
    expect(toOneLine(fault)).toMatch(
      /^market file .*: (there is no such file|it cannot be read: .*) \(ERR_MARKET_FILE\): /,
    );
    expect(fault.facts.mend).toMatch(/^(name a readable JSON file with market\.file|correct the JSON)$/);
    expect(toOneLine(fault)).not.toContain("\n");
  });
});

describe("a quote's age", () => {
  const AS_OF = unixMs(1_760_000_000_000);
  const quote = (maxAge?: Millis): Quote<number> => ({
    value: 1,
    unit: "USD/TH",
    currency: "USD",
    source: "test",
    asOf: AS_OF,
    invented: false,
    ...(maxAge === undefined ? {} : { maxAge }),
  });
  const at = (ms: number): UnixMs => unixMs(AS_OF + ms);
  const cases: readonly [string, Quote<number>, UnixMs, boolean][] = [
    ["fresh in the moment it was made", quote(minutes(10)), at(0), false],
    ["still good at the last moment of its age", quote(minutes(10)), at(600_000), false],
    ["stale a millisecond later", quote(minutes(10)), at(600_001), true],
    ["never stale when it does not age", quote(), at(1e12), false],
    ["not stale when the wall clock is a little behind it", quote(minutes(10)), at(-300_000), false],
    ["stale when it is of a time still to come", quote(minutes(10)), at(-300_001), true],
  ];
  test.each(cases)("is %s", (_title, one, now, stale) => {
    expect(isStale(one, now)).toBe(stale);
  });
});
