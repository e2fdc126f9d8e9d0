import { describe, expect, test } from "vitest";
import { ShareTally, toDeviceFacts } from "../../../src/api/miner-facts.ts";
import type { GpuUuid, ShareRow, ShareVerdict } from "../../../src/ledger/rows.ts";
import type { GpuSnapshot } from "../../../src/rig/snapshot.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";
import { shareRow } from "../../support/ledger-rows.ts";

const uuid = "GPU-1" as GpuUuid;

const snapshot = (changes: Partial<GpuSnapshot> = {}): GpuSnapshot => ({
  info: { uuid, index: 0, name: "a card", pciBusId: "00000000:C1:00.0" },
  mode: "auto",
  workload: "hashing",
  state: "open",
  since: unixMs(0),
  why: "",
  queue: { waiting: 0, active: 0 } as GpuSnapshot["queue"],
  roundTrip: { duration: millis(0) } as GpuSnapshot["roundTrip"],
  slotFaults: 0,
  warnings: [],
  switchCosts: [],
  served: [],
  valuations: [],
  ...changes,
});
const none = { accepted: 0, rejected: 0, invalid: 0 };

describe("a device", () => {
  test("has its PCI bus in decimal, and the speed its miner tells", () => {
    const facts = toDeviceFacts(
      snapshot({
        hashrateReported: hashrate(7),
        hashrateEffective: hashrate(5),
        reading: {
          uuid,
          at: unixMs(0),
          monotonic: millis(0),
          health: "ok",
          epoch: "1",
          temperatureC: 60,
          fanPercent: 0,
        },
      }),
      none,
    );
    expect(facts).toEqual({
      workload: "hashing",
      state: "open",
      shares: none,
      pciBus: 193,
      hashrate: 7,
      temperatureC: 60,
      fanPercent: 0,
    });
  });

  test("has the speed of its accepted shares where the miner tells none", () => {
    expect(toDeviceFacts(snapshot({ hashrateEffective: hashrate(5) }), none)).toMatchObject({ hashrate: 5 });
  });

  test("has no speed while it does not hash, and no bus where it has no place on one", () => {
    const info = { uuid, index: 0, name: "a processor" };
    const facts = toDeviceFacts(snapshot({ info, workload: "inference", hashrateReported: hashrate(7) }), none);
    expect(facts).toEqual({ workload: "inference", state: "open", shares: none });
  });
});

describe("the tally of shares", () => {
  test("tells a wrong hash from a refusal, counts no share without an answer, and passes every one on", () => {
    const tally = new ShareTally();
    const passed: ShareRow[] = [];
    const sheets: string[] = [];
    tally.count(shareRow({ gpu: uuid }), "devcoin");
    tally.passTo((share, sheet) => {
      passed.push(share);
      sheets.push(sheet);
    });
    const verdicts: readonly ShareVerdict[] = [
      "accepted",
      "stale",
      "duplicate",
      "rejected",
      "low-difficulty",
      "unknown",
    ];
    for (const verdict of verdicts) tally.count(shareRow({ gpu: uuid, verdict }), "devcoin");
    expect(tally.of(uuid)).toEqual({ accepted: 2, rejected: 3, invalid: 1 });
    expect(tally.of("GPU-2")).toEqual(none);
    expect(passed.map(({ verdict }) => verdict)).toEqual(verdicts);
    expect(new Set(sheets)).toEqual(new Set(["devcoin"]));
  });
});
