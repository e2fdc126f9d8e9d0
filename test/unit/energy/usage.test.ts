import { describe, expect, test } from "vitest";
import { type Claim, shareOut } from "../../../src/energy/attribution.ts";
import { createUsageBook } from "../../../src/energy/usage.ts";
import { millis } from "../../../src/units/time.ts";

const sample = (id: string, from: number, to: number, weight: number) => ({
  id,
  from: millis(from),
  to: millis(to),
  weight,
});
const claim = (id: string): Claim => ({ id, sink: "inference", weight: 1, opened: millis(0), closed: undefined });
const pair = [claim("a"), claim("b")] as const;

function split(samples: ReturnType<typeof sample>[], to = 1000) {
  const usage = createUsageBook();
  usage.add(samples);
  const shares = shareOut(pair, 0, to, { usage });
  return pair.map((one) => shares.get(one) ?? 0);
}

describe("a shared GPU", () => {
  test("is split by how busy each kept it", () => {
    expect(split([sample("a", 0, 1000, 75), sample("b", 0, 1000, 25)])).toEqual([750, 250]);
  });

  test("follows the samples through time", () => {
    expect(split([sample("a", 0, 400, 50), sample("b", 400, 1000, 50)])).toEqual([400, 600]);
  });

  test("gives nothing to who had no sample while another had", () => {
    expect(split([sample("a", 0, 1000, 10)])).toEqual([1000, 0]);
  });

  test("is split by context time where no sample says anything", () => {
    expect(split([])).toEqual([500, 500]);
    expect(split([sample("a", 0, 1000, 0), sample("b", 0, 1000, 0)])).toEqual([500, 500]);
    expect(split([sample("a", 0, 500, 100)])).toEqual([750, 250]);
  });

  test("adds up several processes of one job", () => {
    expect(split([sample("a", 0, 1000, 20), sample("a", 0, 1000, 20), sample("b", 0, 1000, 60)])).toEqual([400, 600]);
  });
});

test("samples that make no sense are left out", () => {
  const bad = [Number.NaN, -1, Number.POSITIVE_INFINITY].map((weight) => sample("a", 0, 1000, weight));
  expect(split([...bad, sample("a", 500, 500, 9), sample("b", 900, 100, 9)])).toEqual([500, 500]);
});

test("what lies behind is forgotten", () => {
  const usage = createUsageBook();
  usage.add([sample("a", 0, 1000, 1), sample("a", 1000, 2000, 1)]);
  usage.forget(1000);
  expect([usage.weightsAt(500, ["a"]), usage.weightsAt(1500, ["a"])]).toEqual([undefined, [1]]);
});
