import { expect, test } from "vitest";
import { milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const ROW = { xid: 48, since: unixMs(T0), driverLoad: "boot/7", energy: milliJoules(9) };

test("a GPU is held by the first report, until it is released", () => {
  const { gpuHolds } = openMemoryLedger(new ManualClock(T0));
  gpuHolds.hold(GPU_A, ROW);
  gpuHolds.hold(GPU_A, { ...ROW, xid: 79 });
  expect(gpuHolds.of(GPU_A)).toEqual(ROW);
  expect(gpuHolds.of(GPU_B)).toBeUndefined();
  gpuHolds.release(GPU_A);
  expect(gpuHolds.of(GPU_A)).toBeUndefined();
  gpuHolds.hold(GPU_A, { ...ROW, energy: undefined });
  expect(gpuHolds.of(GPU_A)?.energy).toBeUndefined();
});
