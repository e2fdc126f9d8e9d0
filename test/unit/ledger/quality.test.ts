import { expect, test } from "vitest";
import { ENERGY_QUALITIES, worseQuality } from "../../../src/ledger/quality.ts";

test("labels a sum with the less trusted of its parts, whichever comes first", () => {
  for (const [index, better] of ENERGY_QUALITIES.entries()) {
    for (const worse of ENERGY_QUALITIES.slice(index)) {
      expect(worseQuality(better, worse)).toBe(worse);
      expect(worseQuality(worse, better)).toBe(worse);
    }
  }
});
