import { describe, expect, test } from "vitest";
import type { ModeName } from "../../../src/api/shapes.ts";
import { isEngineUnneeded, isPoolUnneeded, ownOrders, sayRentedOut, toOutcomeWord } from "../../../src/api/words.ts";
import { fakeGpu, fakeRig } from "../../support/fake-rig-port.ts";

describe("what no GPU needs now", () => {
  const { pool } = fakeRig();
  const waiting = pool && { ...pool, state: "connecting" as const };
  const resting = fakeGpu({ workload: "none", state: "idle" });

  test("is the pool that nobody connects to, but not one that a GPU waits for or that is down", () => {
    expect(isPoolUnneeded({ pool: waiting, gpus: [resting] })).toBe(true);
    expect(isPoolUnneeded({ pool: waiting, gpus: [resting, fakeGpu({ workload: "hashing" })] })).toBe(false);
    expect(isPoolUnneeded({ pool: waiting, gpus: [fakeGpu({ workload: "none", state: "acquiring" })] })).toBe(false);
    expect(isPoolUnneeded({ pool: pool && { ...pool, state: "down" }, gpus: [resting] })).toBe(false);
    expect(isPoolUnneeded({ pool: null, gpus: [resting] })).toBe(false);
  });

  test("is the engine that stands still, but not one that failed or that a GPU serves by", () => {
    const engine = {
      state: "stopped",
      backend: null,
      model: "m",
      label: null,
      contextTokens: null,
      reason: null,
    } as const;
    expect(isEngineUnneeded(engine, [resting])).toBe(true);
    expect(isEngineUnneeded(engine, [fakeGpu({ workload: "inference" })])).toBe(false);
    expect(isEngineUnneeded({ ...engine, state: "failed" }, [resting])).toBe(false);
  });
});

describe("an order", () => {
  const rented = fakeGpu({ workload: "external", state: "rented" });

  test("that a rental outlasts is told with the GPUs that it does not reach", () => {
    expect(sayRentedOut("mine", [rented, fakeGpu()])).toBe("1 GPU is rented out and stays so");
    expect(sayRentedOut("pause", [rented, rented])).toBe("2 GPUs are rented out and stay so");
  });

  test("that reaches every GPU, or says nothing of rentals, is told alone", () => {
    expect(sayRentedOut("serve", [fakeGpu()])).toBeUndefined();
    const silent: readonly ModeName[] = ["auto", "observe", "release"];
    for (const mode of silent) expect(sayRentedOut(mode, [rented]), mode).toBeUndefined();
  });

  test("of a GPU's own differs from the rig's in its mode or its end", () => {
    const [same, mode, end] = [fakeGpu(), fakeGpu({ mode: "mine" }), fakeGpu({ modeUntilMs: 5 })];
    expect(ownOrders(fakeRig({ gpus: [same, mode, end] }))).toEqual([mode, end]);
  });
});

test("a completion that expired was refused; other work keeps the ledger's word", () => {
  expect(toOutcomeWord({ kind: "completion", outcome: "expired" })).toBe("refused");
  expect(toOutcomeWord({ kind: "completion", outcome: "failed" })).toBe("failed");
  expect(toOutcomeWord({ kind: "lease", outcome: "expired" })).toBe("expired");
  expect(toOutcomeWord({ kind: "hashing", outcome: null })).toBeUndefined();
});
