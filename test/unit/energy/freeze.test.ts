import { describe, expect, test } from "vitest";
import { createFreezeWatch, type FreezeVerdict } from "../../../src/energy/freeze.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { gpuReading } from "../../support/gpu-readings.ts";

interface Look {
  readonly power?: number;
  readonly util?: number;
  readonly celsius?: number;
  readonly busy?: boolean;
  readonly field?: GpuReading["powerField"] | null;
}

/** One look a second; the verdicts in order. */
function verdicts(looks: readonly Look[]): FreezeVerdict[] {
  const watch = createFreezeWatch();
  return looks.map(({ power, util, celsius, busy = false, field = "instant" }, second) => {
    const facts = power === undefined ? {} : { power };
    const reading = gpuReading(second * 1000, facts, {
      ...(field === null ? {} : { powerField: field }),
      ...(util === undefined ? {} : { utilizationPercent: util }),
      ...(celsius === undefined ? {} : { temperatureC: celsius }),
    });
    return watch.look(reading, busy);
  });
}
const repeat = (look: Look, times: number): Look[] => Array.from({ length: times }, () => look);

describe("a sensor that says the same to the digit", () => {
  test("is held back under load, and frozen after ten seconds of it", () => {
    const seen = verdicts(repeat({ power: 46.19, busy: true }, 12));
    expect(seen).toEqual([...repeatWord("held", 10), "frozen", "frozen"]);
  });

  test("may rest as long as it likes while nothing runs", () => {
    expect(new Set(verdicts(repeat({ power: 12.34, util: 0, busy: true }, 100)))).toEqual(new Set(["alive"]));
  });

  test("is believed over the windows when it says itself that there is no load", () => {
    expect(verdicts(repeat({ power: 12.34, util: 90 }, 12)).at(-1)).toBe("frozen");
  });

  test("is frozen three seconds after the load came and the power did not", () => {
    const seen = verdicts([...repeat({ power: 30.5, util: 0 }, 20), ...repeat({ power: 30.5, util: 95 }, 5)]);
    expect(seen.slice(18)).toEqual(["alive", "alive", "held", "held", "held", "frozen", "frozen"]);
  });

  test("is frozen when the GPU warms up at one value, not when it cools down", () => {
    const warming = Array.from({ length: 12 }, (_, i) => ({ power: 46.19, celsius: 32 + i }));
    expect(verdicts(warming)).toContain("frozen");
    expect(verdicts(warming.toReversed())).not.toContain("frozen");
  });

  test("that only knows whole watts is frozen by a change of load alone", () => {
    expect(verdicts(repeat({ power: 120, util: 99, busy: true }, 300))).not.toContain("frozen");
    expect(verdicts([...repeat({ power: 120, util: 0 }, 5), ...repeat({ power: 120, util: 99 }, 5)]).at(-1)).toBe(
      "frozen",
    );
  });

  test("is alive again with the first new value", () => {
    const seen = verdicts([...repeat({ power: 46.19, busy: true }, 12), { power: 46.2, busy: true }]);
    expect(seen.slice(-2)).toEqual(["frozen", "held"]);
  });

  test("proves nothing where power is missing or comes from no driver's field", () => {
    expect(verdicts(repeat({ busy: true }, 20))).not.toContain("frozen");
    expect(verdicts(repeat({ power: 46.19, busy: true, field: null }, 20))).not.toContain("held");
  });
});

test("it says since when", () => {
  const watch = createFreezeWatch();
  expect(watch.since).toBeUndefined();
  for (const [at, power] of [
    [0, 1.5],
    [1000, 2.5],
    [2000, 2.5],
  ] as const) {
    watch.look(gpuReading(at, { power }, { powerField: "draw" }), false);
  }
  expect(watch.since).toBe(1000);
});

const repeatWord = (word: FreezeVerdict, times: number): FreezeVerdict[] => Array.from({ length: times }, () => word);
