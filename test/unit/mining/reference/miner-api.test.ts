import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRigError } from "../../../../src/lib/errors.ts";
import { parseMinerStats } from "../../../../src/mining/reference/miner-api.ts";

const good = {
  algorithm: "sha256d",
  uptimeS: 12,
  paused: false,
  hashrateHps: 1e6,
  acceptedShares: 3,
  rejectedShares: 0,
  devices: [{ hashrateHps: 1e6 }],
  pool: { url: "stratum+tcp://127.0.0.1:3333", connected: true },
};

describe("parseMinerStats", () => {
  test("reads a whole answer", () => {
    expect(parseMinerStats(good)).toEqual(good);
  });

  test("drops what it does not know", () => {
    expect(parseMinerStats({ ...good, secret: "x" })).toEqual(good);
  });

  test("keeps a rate that is not measured yet apart from zero", () => {
    const { hashrateHps: _, ...unmeasured } = good;
    expect(parseMinerStats({ ...unmeasured, devices: [{}] })).toMatchObject({
      hashrateHps: null,
      devices: [{ hashrateHps: null }],
    });
    expect(parseMinerStats({ ...good, hashrateHps: 0 }).hashrateHps).toBe(0);
  });

  const wrong = [
    ["answer", "text", "not an object"],
    ["answer", null, "nothing"],
    ["algorithm", { ...good, algorithm: 7 }, "no string"],
    ["algorithm", { ...good, algorithm: "x".repeat(257) }, "too long"],
    ["uptimeS", { ...good, uptimeS: -1 }, "negative"],
    ["paused", { ...good, paused: "no" }, "a word for a flag"],
    ["hashrateHps", { ...good, hashrateHps: "1e6" }, "a number as text"],
    ["hashrateHps", { ...good, hashrateHps: Number.NaN }, "no number"],
    ["acceptedShares", { ...good, acceptedShares: null }, "missing"],
    ["devices", { ...good, devices: {} }, "no list"],
    ["devices", { ...good, devices: Array.from({ length: 2000 }, () => ({})) }, "too many"],
    ["devices.hashrateHps", { ...good, devices: [{ hashrateHps: -5 }] }, "negative"],
    ["pool", { ...good, pool: null }, "missing"],
    ["pool.url", { ...good, pool: { connected: true } }, "missing"],
    ["pool.connected", { ...good, pool: { url: "x", connected: 1 } }, "a number for a flag"],
  ] as const;
  for (const [field, value, why] of wrong)
    test(`names ${field} when it is wrong: ${why}`, () => {
      expect(() => parseMinerStats(value)).toThrow(
        expect.objectContaining({ facts: expect.objectContaining({ field }) }),
      );
    });

  test("fails in one known way on anything at all", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        try {
          parseMinerStats(value);
        } catch (error) {
          expect(isRigError(error)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
