import { describe, expect, test } from "vitest";
import type { Rung, Workload } from "../../../src/ledger/rows.ts";
import { type Residents, rungFor, STATE_OF, type Step, stepsFor } from "../../../src/rig/steps.ts";

const NONE: Residents = { miner: false, engine: false };
const MINER: Residents = { miner: true, engine: false };
const ENGINE: Residents = { miner: false, engine: true };
const BOTH: Residents = { miner: true, engine: true };

describe("the steps of a handover", () => {
  interface Case {
    readonly reason: string;
    readonly route: readonly [Workload, Workload];
    readonly residents: Residents;
    readonly steps: readonly Step[];
  }
  const cases: readonly Case[] = [
    {
      reason: "a cold start of hashing waits for requests that could not be revoked, and is ready with its first share",
      route: ["none", "hashing"],
      residents: NONE,
      steps: ["drain", "claim-power", "start-miner", "first-share", "mining-settings"],
    },
    {
      reason: "a resumed miner needs no new share: it hashed for the same session moments ago",
      route: ["none", "hashing"],
      residents: MINER,
      steps: ["drain", "claim-power", "start-miner", "mining-settings"],
    },
    {
      reason: "a rested GPU starts serving",
      route: ["none", "inference"],
      residents: NONE,
      steps: ["claim-power", "serving-settings", "start-engine", "open-gate"],
    },
    {
      reason: "hashing is quiet before the gate opens",
      route: ["hashing", "inference"],
      residents: BOTH,
      steps: ["pause-miner", "stock-settings", "verify-quiet", "serving-settings", "start-engine", "open-gate"],
    },
    {
      reason: "also where the engine has to start first",
      route: ["hashing", "inference"],
      residents: MINER,
      steps: ["pause-miner", "stock-settings", "verify-quiet", "serving-settings", "start-engine", "open-gate"],
    },
    {
      reason: "requests end before the miner goes on",
      route: ["inference", "hashing"],
      residents: BOTH,
      steps: ["close-gate", "drain", "stock-settings", "start-miner", "mining-settings"],
    },
    {
      reason: "a miner that is gone starts anew",
      route: ["inference", "hashing"],
      residents: ENGINE,
      steps: ["close-gate", "drain", "stock-settings", "start-miner", "first-share", "mining-settings"],
    },
    {
      reason: "hashing ends",
      route: ["hashing", "none"],
      residents: MINER,
      steps: ["stock-settings", "stop-miner", "verify-free"],
    },
    {
      reason: "requests end before everything does",
      route: ["inference", "none"],
      residents: BOTH,
      steps: ["close-gate", "drain", "stock-settings", "stop-miner"],
    },
    {
      reason: "external work gets a rested GPU once the requests that it was left with have ended",
      route: ["none", "external"],
      residents: ENGINE,
      steps: ["drain", "stop-miner", "stop-engine", "verify-free", "claim-power", "start-external"],
    },
    {
      reason: "rest to rest stops a miner that would not stop before",
      route: ["none", "none"],
      residents: NONE,
      steps: ["stop-miner"],
    },
  ];
  test.each(cases)("$reason", ({ route: [from, to], residents, steps }) => {
    expect(stepsFor({ from, to }, residents)).toEqual(steps);
  });

  test("never start hashing before requests have drained, nor serving before hashing is quiet", () => {
    for (const residents of [NONE, MINER, ENGINE, BOTH]) {
      for (const from of ["inference", "none"] as const) {
        const back = stepsFor({ from, to: "hashing" }, residents);
        expect(back).toContain("drain");
        expect(back.indexOf("drain")).toBeLessThan(back.indexOf("start-miner"));
      }
      const there = stepsFor({ from: "hashing", to: "inference" }, residents);
      expect(there.indexOf("verify-quiet")).toBeLessThan(there.indexOf("start-engine"));
      expect(there.at(-1)).toBe("open-gate");
    }
  });

  test("each have a state that the ledger and the page know", () => {
    expect(STATE_OF).toEqual({
      "close-gate": "draining",
      drain: "draining",
      revoke: "draining",
      "pause-miner": "releasing",
      "stop-miner": "releasing",
      "remove-miner": "releasing",
      "sleep-engine": "releasing",
      "stop-engine": "releasing",
      "remove-engine": "releasing",
      "verify-quiet": "verifying-free",
      "verify-free": "verifying-free",
      "claim-power": "acquiring",
      "stock-settings": "releasing",
      "mining-settings": "warming",
      "serving-settings": "acquiring",
      "start-miner": "acquiring",
      "start-engine": "acquiring",
      "start-external": "warming",
      "first-share": "warming",
      "open-gate": "warming",
    });
  });
});

describe("the rung", () => {
  const rungs: readonly [string, Workload, Residents, Rung][] = [
    ["is freeze while both stay resident", "inference", BOTH, "freeze"],
    ["on the way back as well", "hashing", BOTH, "freeze"],
    ["is cold while the engine is not there", "inference", MINER, "cold"],
    ["is cold while the miner is not there", "hashing", ENGINE, "cold"],
    ["is cold for an end, whatever stays", "none", BOTH, "cold"],
  ];
  test.each(rungs)("%s", (_reason, to, residents, rung) => {
    expect(rungFor(to, residents)).toBe(rung);
  });
});
