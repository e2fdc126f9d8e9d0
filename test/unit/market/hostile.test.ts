import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJsonValue } from "../../../src/market/coins/json-value.ts";
import { parseMinerstat } from "../../../src/market/coins/minerstat.ts";
import { parsePoolStatus } from "../../../src/market/coins/pool-status.ts";
import { parseWhatToMine } from "../../../src/market/coins/what-to-mine.ts";
import { parseRates } from "../../../src/market/electricity/shapes.ts";
import { parseSite } from "../../../src/market/electricity/site.ts";
import { PriceSourceError } from "../../../src/market/errors.ts";
import { GuardedPrice } from "../../../src/market/guard.ts";
import { parsePayouts } from "../../../src/market/payout-file.ts";
import { hours, unixMs } from "../../../src/units/time.ts";

const WANTED = { coin: "btc", algorithm: "sha256d", tag: "BTC" };
const KEYS =
  "coins Bitcoin tag algorithm block_time block_reward nethash exchange_rate exchange_rate_curr timestamp sha256 " +
  "estimate_current mbtc_mh_factor coin reward price updated results valid_from value_inc_vat data today total " +
  "startsAt currency multiAreaEntries entryPerArea SE3 marketprice unit start_timestamp __proto__ constructor w";
const VALUES = ["BTC", "SHA-256", "2026-11-22T00:00:00Z", "0.1", "1e999", "NaN", "-1", "Eur/MWh", "EUR", ""];

const body = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...VALUES),
    fc.double(),
    fc.constant(null),
    fc.boolean(),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYS.split(" ")), tie("any"), { maxKeys: 8 }),
  ),
})).any;

/** A number above 0, nothing, or the one fault of this folder. */
function answersOrRefuses(parse: () => unknown): void {
  try {
    const found = parse();
    if (typeof found === "object" && found !== null && "perTerahash" in found)
      expect(found.perTerahash).toBeGreaterThan(0);
  } catch (error) {
    expect(error).toBeInstanceOf(PriceSourceError);
    expect(String(error)).not.toMatch(/\[object|undefined: /);
  }
}

test("whatever a source answers, it is a price, nothing, or a refusal that names the field", () => {
  fc.assert(
    fc.property(body, fc.string(), (value, text) => {
      answersOrRefuses(() => parseWhatToMine(value, WANTED));
      answersOrRefuses(() => parseMinerstat(value, WANTED));
      answersOrRefuses(() => parsePoolStatus(value, WANTED));
      answersOrRefuses(() => parseJsonValue(value, { price: "/price", unit: "USD/TH", asOf: "/timestamp" }));
      answersOrRefuses(() => parseSite(value, { exportW: "/w" }, unixMs(0)));
      for (const shape of ["octopus", "tibber", "nord-pool", "awattar"] as const)
        answersOrRefuses(() => parseRates(shape, JSON.stringify(value), { area: "SE3" }));
      answersOrRefuses(() => parseRates("entsoe", `<Publication_MarketDocument><TimeSeries>${text}</TimeSeries>`, {}));
      answersOrRefuses(() => parseRates("csv", `start,perKwh\n${text}`, { currency: "EUR" }));
      answersOrRefuses(() => parsePayouts(`from,to,credited_usd\n${text}`));
    }),
    { numRuns: 500 },
  );
});

test("whatever one of three sources says and when, the belief stays among what the honest two say", () => {
  const lie = fc.record({
    value: fc.oneof(fc.double(), fc.constantFrom(0, 1e-9, 1e4, 1e9)),
    shift: fc.integer({ min: -1e6, max: 1e6 }),
  });
  fc.assert(
    fc.property(fc.array(lie, { minLength: 1, maxLength: 60 }), (lies) => {
      const ages = new Map(["liar", "b", "c"].map((source) => [source, { maxAge: hours(1) }] as const));
      const guard = new GuardedPrice(ages);
      lies.forEach(({ value, shift }, index) => {
        const now = unixMs(1_760_000_000_000 + index * 300_000);
        guard.sight("b", { value: 10, at: now }, now);
        guard.sight("c", { value: 10.4, at: now }, now);
        guard.sight("liar", { value, at: unixMs(now + shift) }, now);
        const believed = guard.believed(now)?.value;
        expect(believed).toBeLessThanOrEqual(10.4);
        expect(believed).toBeGreaterThanOrEqual(10);
      });
    }),
    { numRuns: 200 },
  );
});
