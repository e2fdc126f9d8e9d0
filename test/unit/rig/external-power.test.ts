import { expect, test } from "vitest";
import { ExternalPower } from "../../../src/rig/external-power.ts";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

test("what a GPU draws for an external workload is learned, and outlives the agent", async () => {
  const clock = new ManualClock(T0);
  const ledger = openMemoryLedger(clock);
  const power = new ExternalPower(GPU_A, { ledger, clock });
  expect(power.of("vast")).toBeUndefined();
  power.observe("vast", watts(200));
  expect(power.of("vast")).toBe(200);
  for (let second = 0; second < 120; second++) {
    await clock.advance(1000);
    power.observe("vast", watts(300));
  }
  expect(power.of("vast")).toBeCloseTo(300, 1);
  expect(power.of("clore")).toBeUndefined();
  const next = new ExternalPower(GPU_A, { ledger, clock });
  expect(next.of("vast")).toBeGreaterThan(295);
  expect(new ExternalPower(GPU_B, { ledger, clock }).of("vast")).toBeUndefined();
  ledger.close();
});

test("a flight sheet of the same name has figures of its own", () => {
  const clock = new ManualClock(T0);
  const ledger = openMemoryLedger(clock);
  ledger.benchmarks.upsert({
    gpu: GPU_A,
    label: "vast",
    rate: 5,
    unit: "H/s",
    power: watts(90),
    samples: 1,
    at: clock.now(),
  });
  const power = new ExternalPower(GPU_A, { ledger, clock });
  expect(power.of("vast")).toBeUndefined();
  power.observe("vast", watts(250));
  expect(ledger.benchmarks.get(GPU_A, "vast")?.power).toBe(90);
  ledger.close();
});
