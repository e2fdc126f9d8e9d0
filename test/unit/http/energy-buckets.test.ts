import { describe, expect, test } from "vitest";
import { toBuckets } from "../../../src/http/energy-buckets.ts";
import { fakeSlot } from "../../support/fake-rig-port.ts";

const DAY = Date.UTC(2026, 8, 14);
const QUARTER = 900_000;

describe("energy buckets", () => {
  test("add up exactly, per GPU", () => {
    const slots = [0, 1, 2, 3, 4].flatMap((index) => [
      fakeSlot(DAY + index * QUARTER, { gpu: "GPU-a", hashingMj: index + 1, measuredMj: 10 * index }),
      fakeSlot(DAY + index * QUARTER, { gpu: "GPU-b" }),
    ]);
    const rows = toBuckets(slots, "1h");
    expect(rows.map(({ gpu, slotStartMs }) => [gpu, slotStartMs - DAY])).toEqual([
      ["GPU-a", 0],
      ["GPU-b", 0],
      ["GPU-a", 4 * QUARTER],
      ["GPU-b", 4 * QUARTER],
    ]);
    expect(rows[0]).toMatchObject({ hashingMj: 1 + 2 + 3 + 4, measuredMj: 60, idleMj: 4 * 1_280_000 });
  });

  test("leave quarter hours as they are", () => {
    const slots = [fakeSlot(DAY), fakeSlot(DAY + QUARTER)];
    expect(toBuckets(slots, "15m")).toEqual(slots);
  });

  test("are worth no more than their worst slot", () => {
    const qualities = ["counter", "suspect", "sampled"];
    const slots = qualities.map((quality, index) => fakeSlot(DAY + index * QUARTER, { quality }));
    expect(toBuckets(slots, "1d")[0]?.quality).toBe("suspect");
  });

  test("trust a quality that they do not know least", () => {
    const slots = [fakeSlot(DAY, { quality: "suspect" }), fakeSlot(DAY + QUARTER, { quality: "guessed" })];
    expect(toBuckets(slots, "1d")[0]?.quality).toBe("guessed");
  });
});
