import { beforeEach, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let modes: Ledger["modes"];
beforeEach(() => {
  modes = openMemoryLedger(new ManualClock(T0)).modes;
});

const at = unixMs(T0);
const hour = unixMs(T0 + 3_600_000);

test("is unknown until somebody gives an order", () => {
  expect(modes.current(at)).toBeUndefined();
});

test("goes back to the order before when a limited one runs out", () => {
  modes.appendMode({ mode: "auto", at, by: "config" });
  modes.appendMode({ mode: "mine", at, until: hour, by: "cli" });
  expect(modes.current(unixMs(hour - 1))).toEqual({ mode: "mine", gpu: undefined, until: hour, at, by: "cli" });
  expect(modes.current(hour)).toMatchObject({ mode: "auto", until: undefined });
});

test("lets one GPU differ until the rig gets a newer order", () => {
  modes.appendMode({ mode: "auto", at, by: "cli" });
  modes.appendMode({ mode: "mine", gpu: GPU_A, at, by: "cli" });
  expect(modes.current(at, GPU_A)?.mode).toBe("mine");
  expect(modes.current(at, GPU_B)?.mode).toBe("auto");
  expect(modes.current(at)?.mode).toBe("auto");
  modes.appendMode({ mode: "pause", at, by: "cli" });
  expect(modes.current(at, GPU_A)?.mode).toBe("pause");
});

test("follows the order of giving, not a clock that was set back", () => {
  modes.appendMode({ mode: "auto", at: hour, by: "cli" });
  modes.appendMode({ mode: "pause", at, by: "cli" });
  expect(modes.current(at)?.mode).toBe("pause");
});
