import { describe, expect, test } from "vitest";
import type { GpuReading } from "../../../src/gpu/source.ts";
import type { Occupants } from "../../../src/rig/roster.ts";
import { usageBetween } from "../../../src/rig/usage-split.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A } from "../../support/ledger-rows.ts";

const reading = (monotonic: number): GpuReading => ({
  uuid: GPU_A,
  at: unixMs(monotonic),
  monotonic: millis(monotonic),
  health: "ok",
  epoch: "boot-1",
});
const user = (smPercent?: number) => ({ pid: 1, usedMiB: 100, smPercent });
const seen = (changes: Partial<Occupants>): Occupants => ({
  miner: [],
  engine: [],
  orphans: [],
  strangers: [],
  ...changes,
});
const BOTH = { hashing: "hash-1", requests: ["cmpl-1", "cmpl-2"] };

describe("what two units of work made of one GPU", () => {
  test("is told apart by program, and equal among the requests of one engine", () => {
    const occupants = seen({ miner: [user(60)], engine: [user(30), user(8)] });
    expect(usageBetween(reading(1000), reading(2000), occupants, BOTH)).toEqual([
      { id: "hash-1", weight: 60, from: 1000, to: 2000 },
      { id: "cmpl-1", weight: 19, from: 1000, to: 2000 },
      { id: "cmpl-2", weight: 19, from: 1000, to: 2000 },
    ]);
  });

  test("is nothing for the one that the driver does not tell of while the other works", () => {
    const occupants = seen({ miner: [user()], engine: [user(40)] });
    const weights = usageBetween(reading(1), reading(2), occupants, BOTH).map(({ weight }) => weight);
    expect(weights).toEqual([0, 20, 20]);
  });

  const silent: readonly [string, Parameters<typeof usageBetween>][] = [
    ["before the first reading", [undefined, reading(2), seen({ miner: [user(1)] }), BOTH]],
    ["where no processes are listed", [reading(1), reading(2), undefined, BOTH]],
    ["where none tells its use", [reading(1), reading(2), seen({ miner: [user()], engine: [user()] }), BOTH]],
    ["while only the miner works", [reading(1), reading(2), seen({ miner: [user(9)] }), { ...BOTH, requests: [] }]],
    [
      "while only the engine works",
      [reading(1), reading(2), seen({ engine: [user(9)] }), { ...BOTH, hashing: undefined }],
    ],
  ];
  test.each(silent)("is not said %s", (_title, args) => {
    expect(usageBetween(...args)).toEqual([]);
  });
});
