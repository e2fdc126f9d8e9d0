import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { type ExternalFacts, valueExternal } from "../../../src/valuation/external.ts";

const FACTS: ExternalFacts = {
  name: "vast",
  rate: usdPerHour(0.4),
  isSaidNow: false,
  occupancy: 0.5,
  platformCut: 0.25,
  gpus: 1,
  power: watts(300),
  electricity: { price: usdPerKwh(0.2) },
};

describe("what an external workload is worth", () => {
  test("is what it pays while it is used, less the platform's cut and the power of that time", () => {
    expect(valueExternal(FACTS)).toMatchObject({
      workload: "external",
      name: "vast",
      label: "vast",
      gross: 0.2,
      revenue: 0.15000000000000002,
      electricity: 0.03,
      net: 0.12000000000000002,
      basis: "fixed",
      why: "vast at $0.400/h for 50 % of the time, as configured, pays $0.200/h, less 25 % of the platform ($0.0500/h) and 300 W at $0.200/kWh while it is used ($0.0300/h) = $0.120/h",
    });
  });

  test("is an equal part of it for each GPU of a set", () => {
    const { gross, why } = valueExternal({ ...FACTS, gpus: 2, occupancy: 1, isSaidNow: true, platformCut: 0 });
    expect(gross).toBe(0.2);
    expect(why).toBe(
      "vast at $0.200/h (one of 2 equal parts of $0.400/h), as it says now, pays $0.200/h, less 300 W at $0.200/kWh while it is used ($0.0600/h) = $0.140/h",
    );
  });

  test("says when its power is only that of other load", () => {
    expect(valueExternal({ ...FACTS, powerIsBound: true }).why).toContain("as other full load until it is measured");
  });

  test("is a loss where power costs more than it pays", () => {
    expect(valueExternal({ ...FACTS, rate: usdPerHour(0.01) }).net).toBeLessThan(0);
  });

  test("is unknown while nobody says what it pays", () => {
    const { rate: _, ...facts } = FACTS;
    const valuation = valueExternal(facts);
    expect(valuation).toEqual({
      workload: "external",
      name: "vast",
      label: "vast",
      rate: "unknown",
      why: "what vast pays is not known",
    });
  });

  test("is unknown while its power is", () => {
    const { power: _, ...facts } = FACTS;
    expect(valueExternal(facts)).toMatchObject({ revenue: expect.any(Number) });
    expect(valueExternal(facts)).not.toHaveProperty("net");
    expect(valueExternal(facts).why).toContain("its power or what that costs is unknown");
  });

  test("breaks even at the electricity price that eats all of it", () => {
    const { breakEven = usdPerKwh(0) } = valueExternal(FACTS);
    const { net } = valueExternal({ ...FACTS, electricity: { price: breakEven } });
    expect(net).toBeCloseTo(0, 12);
  });
});
