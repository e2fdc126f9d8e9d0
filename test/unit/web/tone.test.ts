import { describe, expect, test } from "vitest";
import { MODE_NAMES } from "../../../src/api/shapes.ts";
import { MODES, toTone, toToneLabel, wordsOf } from "../../../src/web/tone.ts";

describe("a GPU's tone", () => {
  const cases = [
    ["open", "hashing", "ok", "hashing"],
    ["open", "inference", "ok", "inference"],
    ["idle", "none", "ok", "idle"],
    ["acquiring", "none", "ok", "handover"],
    ["warming", "inference", "ok", "handover"],
    ["draining", "inference", "ok", "handover"],
    ["releasing", "hashing", "ok", "handover"],
    ["verifying-free", "hashing", "ok", "handover"],
    ["rented", "external", "ok", "rented"],
    ["listed", "external", "ok", "listed"],
    ["listed", "external", "lost", "faulted"],
    ["open", "lease", "ok", "rented"],
    ["faulted", "hashing", "ok", "faulted"],
    // A lost GPU is no longer doing what its last state says.
    ["open", "hashing", "lost", "faulted"],
    ["open", "hashing", "reset-required", "faulted"],
    ["open", "hashing", "unknown", "hashing"],
  ] as const;
  for (const [state, workload, health, tone] of cases)
    test(`is ${tone} while ${state} with ${workload}, health ${health}`, () => {
      expect(toTone({ state, workload, health })).toBe(tone);
      expect(toToneLabel(tone)).not.toBe("");
    });
});

test("every mode has words, and all but release a button", () => {
  for (const mode of MODE_NAMES) expect(wordsOf(mode).name).toBe(mode);
  expect(MODES.map(({ name }) => name)).toEqual(["observe", "auto", "mine", "serve", "pause"]);
});
