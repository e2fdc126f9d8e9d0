import { describe, expect, test } from "vitest";
import type { ModeName } from "../../../src/api/shapes.ts";
import { ownOrders, sayRentedOut, toOutcomeWord } from "../../../src/api/words.ts";
import { fakeGpu, fakeRig } from "../../support/fake-rig-port.ts";

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
