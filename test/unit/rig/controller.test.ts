import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig, type RigConfig } from "../../../src/config/load.ts";
import { LedgerError } from "../../../src/ledger/errors.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { readMarketFile } from "../../../src/market/file.ts";
import { RigController } from "../../../src/rig/controller.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdNano } from "../../../src/units/money.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { FakeWorkDriver } from "../../support/fake-work-driver.ts";
import { flightSheet, PLAIN_LINK } from "../../support/flight-sheet.ts";
import { GPU_A, GPU_B, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const FILE = {
  version: 1,
  rig: { name: "attic" },
  mode: "auto",
  mining: { pools: [{ url: "devpool" }] },
  inference: { engine: { kind: "builtin", modelFile: "tiny.gguf" }, queueLimit: 2 },
};
const CONFIG = parseConfig(FILE, "test", "/");

let clock: ManualClock;
let ledger: Ledger;
let driver: FakeWorkDriver;
let workers: Map<string, string>;
let faults: unknown[];
let changes: number;
let log: string[];
let rig: RigController;
beforeEach(async () => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  driver = await FakeWorkDriver.start(clock);
  workers = new Map();
  faults = [];
  changes = 0;
  log = [];
  rig = rigOf(CONFIG);
});
afterEach(async () => {
  await driver[Symbol.asyncDispose]();
  ledger.close();
});

function rigOf(config: RigConfig): RigController {
  const source = new FakeGpuSource(clock, GPU_A);
  return new RigController({
    config,
    gpus: [source.info, { ...source.info, uuid: GPU_B, index: 1 }],
    source,
    driver,
    ledger,
    clock,
    logger: createLogger("debug", (line) => log.push(line)),
    mining: [
      {
        sheet: flightSheet(),
        host: "127.0.0.1",
        port: 3333,
        quote: readMarketFile("sample").coin("devcoin", "sha256d"),
        ...PLAIN_LINK,
        register: (worker, gpu) => void workers.set(worker, gpu),
        poolAway: () => undefined,
      },
    ],
    model: "tiny",
    onChange: () => {
      changes++;
    },
    onFault: (error) => faults.push(error),
  });
}

const ask = (jobId: string, worth = usdNano(1)) => rig.enqueue({ jobId, worth }, new AbortController().signal);

/** Moves time on in small steps, in each of which both GPUs find a share, until `isTrue`. */
async function passUntil(isTrue: () => boolean): Promise<void> {
  for (let steps = 0; !isTrue(); steps++) {
    if (steps > 20_000) throw new Error(`not true in time: ${isTrue}\n${log.join("")}`);
    for (const gpu of [GPU_A, GPU_B]) rig.recordShare(shareRow({ gpu, at: clock.now() }), "devcoin");
    if (clock.waiting >= 2) await clock.advance(50);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a rig of two GPUs", () => {
  test("gives each GPU a worker of its own, so that its shares find it", () => {
    expect([...workers]).toEqual([
      ["attic-0", GPU_A],
      ["attic-1", GPU_B],
    ]);
  });

  test("shows both, at rest until their loops run", () => {
    expect(
      rig.snapshots().map(({ info, workload, state, mode }) => ({ gpu: info.uuid, workload, state, mode })),
    ).toEqual([
      { gpu: GPU_A, workload: "none", state: "idle", mode: "auto" },
      { gpu: GPU_B, workload: "none", state: "idle", mode: "auto" },
    ]);
  });

  test("sends each request to the GPU with the fewest", () => {
    expect(["a", "b", "c", "d"].map((jobId) => ask(jobId).gpu)).toEqual([GPU_A, GPU_B, GPU_A, GPU_B]);
    expect(rig.snapshots().map(({ queue }) => queue.waiting)).toEqual([2, 2]);
  });

  test("refuses beyond the limit of the queue", async () => {
    for (const jobId of ["a", "b", "c", "d"]) ask(jobId);
    expect(await ask("e").admitted).toMatchObject({ kind: "refused", reason: "queue-full" });
  });

  test("writes each share to the books, and tells of it", () => {
    rig.recordShare(shareRow({ gpu: GPU_B }), "devcoin");
    expect(ledger.shares.expectedHashesSince(GPU_B, clock.now())).toBe(2 ** 31);
    expect(ledger.shares.expectedHashesSince(GPU_A, clock.now())).toBe(0);
    expect(changes).toBe(1);
  });

  test("keeps a share that the ledger refuses for later, and stops where a hundred wait: paid work is not recorded", () => {
    rig.recordShare(shareRow({ difficulty: Number.NaN }), "devcoin");
    expect(faults).toEqual([]);
    expect(log.join("")).toContain("a share cannot be recorded");
    rig.recordShare(shareRow(), "devcoin");
    expect(ledger.shares.expectedHashesSince(GPU_A, clock.now())).toBe(2 ** 31);
    for (let i = 2; i < 100; i++) rig.recordShare(shareRow({ difficulty: Number.NaN }), "devcoin");
    expect(faults).toEqual([]);
    rig.recordShare(shareRow({ difficulty: Number.NaN }), "devcoin");
    expect(faults).toMatchObject([{ facts: { code: "ERR_LEDGER_REFUSED" } }]);
  });

  test("says how many shares the ledger never took", async () => {
    rig.recordShare(shareRow({ difficulty: Number.NaN }), "devcoin");
    const stop = new AbortController();
    const running = rig.run(stop.signal);
    stop.abort();
    await running;
    expect(log.join("")).toMatch(/shares are lost.*1/);
  });

  test("tells the agent when no share can be written", () => {
    const full = new LedgerError("the disk is full", { code: "ERR_LEDGER_FULL" });
    Object.assign(ledger.shares, {
      append: () => {
        throw full;
      },
    });
    rig.recordShare(shareRow(), "devcoin");
    expect(faults).toEqual([full]);
  });

  test("sends a request to the GPU that takes some, though the other has fewer", async () => {
    rig.setMode({ mode: "mine", gpu: GPU_A, by: "test" });
    const stop = new AbortController();
    const running = rig.run(stop.signal);
    await clock.advance(0);
    expect(["a", "b"].map((jobId) => ask(jobId).gpu)).toEqual([GPU_B, GPU_B]);
    stop.abort();
    await running;
  });
});

describe("the operator's order", () => {
  test("holds for the whole rig, and stands in the ledger with who gave it", () => {
    expect(rig.setMode({ mode: "mine", by: "cli" })).toEqual({ until: undefined });
    expect([rig.mode(), rig.mode(GPU_A), rig.mode(GPU_B)]).toEqual(["mine", "mine", "mine"]);
    expect(ledger.modes.current(clock.now())).toMatchObject({ mode: "mine", by: "cli", at: T0 });
  });

  test("may hold for one GPU", () => {
    rig.setMode({ mode: "pause", gpu: GPU_B, by: "page" });
    expect([rig.mode(GPU_A), rig.mode(GPU_B)]).toEqual(["auto", "pause"]);
  });

  test("to work on this very GPU vouches for it after a fault that only a reset mends; no other order does", () => {
    ledger.gpuHolds.hold(GPU_A, { xid: 48, since: clock.now(), driverLoad: "/", energy: undefined });
    rig = rigOf(CONFIG);
    rig.setMode({ mode: "auto", by: "cli" });
    rig.setMode({ mode: "pause", gpu: GPU_A, by: "cli" });
    rig.setMode({ mode: "auto", gpu: GPU_B, by: "cli" });
    expect(ledger.gpuHolds.of(GPU_A)).toBeDefined();
    rig.setMode({ mode: "auto", gpu: GPU_A, by: "cli" });
    expect(ledger.gpuHolds.of(GPU_A)).toBeUndefined();
  });

  test("for a while ends by itself", async () => {
    expect(rig.setMode({ mode: "serve", length: minutes(5), by: "page" })).toEqual({ until: T0 + minutes(5) });
    await clock.advance(minutes(5) - 1);
    expect(rig.mode()).toBe("serve");
    await clock.advance(1);
    expect(rig.mode()).toBe("auto");
  });

  test("for a GPU that is not there is refused, names it and says where to look, and changes nothing", () => {
    expect(() => rig.setMode({ mode: "pause", gpu: "GPU-none", by: "cli" })).toThrow(
      expect.objectContaining({
        message: "this rig has no GPU GPU-none",
        facts: expect.objectContaining({ code: "ERR_RIG_UNKNOWN_GPU", mend: expect.stringContaining("rigshift gpus") }),
      }),
    );
    expect(rig.mode()).toBe("auto");
    expect(ledger.modes.current(clock.now())).toBeUndefined();
  });
});

test("a rig that draws more than was ordered although everything rests says so", async () => {
  const stop = new AbortController();
  const running = rig.run(stop.signal);
  rig.curtail({ maxPower: watts(1), until: unixMs(T0 + minutes(10)), by: "test" });
  await clock.advance(3000);
  expect(rig.snapshots().map(({ why }) => why)).toEqual([
    expect.stringMatching(
      /^everything rests and the rig still draws \d+ W; ordered were at most 1 W until [-\d]+ [:\d]+ UTC$/,
    ),
    expect.stringMatching(/^everything rests and the rig still draws /),
  ]);
  stop.abort();
  await running;
});

test("a running rig works on every GPU, and lets go of each when it stops", async () => {
  const stop = new AbortController();
  rig.setMode({ mode: "pause", by: "test" });
  const running = rig.run(stop.signal);
  await clock.advance(2000);
  stop.abort();
  await running;
  expect(rig.snapshots().map(({ workload }) => workload)).toEqual(["none", "none"]);
  expect(faults).toEqual([]);
});

test("a request counts once towards what serving is worth, while it waits and after it was sent away", async () => {
  const stop = new AbortController();
  const running = rig.run(stop.signal);
  await passUntil(() =>
    rig.snapshots().every(({ workload, engine }) => workload === "hashing" && engine?.kind === "ready"),
  );
  const seen = new Set<number | undefined>();
  let isOver = false;
  const { gpu, admitted } = ask("a", usdNano(600));
  void admitted.then(() => {
    isOver = true;
  });
  const asked = clock.monotonic();
  const look = () => {
    const serving = rig.snapshots().find(({ info }) => info.uuid === gpu)?.valuations;
    seen.add(serving?.find(({ workload }) => workload === "inference")?.revenue);
  };
  await passUntil(() => clock.monotonic() > asked + 1500);
  await passUntil(() => {
    look();
    return isOver;
  });
  expect(await admitted).toMatchObject({ kind: "refused", reason: "max-wait" });
  const sentAway = clock.monotonic();
  expect(sentAway).toBeLessThan(60_000);
  await passUntil(() => {
    look();
    return clock.monotonic() > sentAway + 3000;
  });
  // 600 nano-USD in the first minute are 36 micro-USD an hour.
  expect([...seen]).toEqual([expect.closeTo(0.000_036, 12)]);
  stop.abort();
  await running;
});

test("under a power budget nothing starts before the Engine has told what an earlier agent left running", async () => {
  driver.isSurveyed = false;
  rig = rigOf(parseConfig({ ...FILE, power: { budget: { maxW: 2000 } } }, "test", "/"));
  rig.setMode({ mode: "mine", by: "test" });
  const stop = new AbortController();
  const running = rig.run(stop.signal);
  await passUntil(() => clock.monotonic() > 3000);
  expect(driver.log).toEqual([]);
  driver.surveyed();
  await passUntil(() => rig.snapshots().every(({ workload }) => workload === "hashing"));
  stop.abort();
  await running;
});

test("one GPU in release gets no work and says what stays open, while the other goes on", async () => {
  const stop = new AbortController();
  rig.setMode({ mode: "release", gpu: GPU_A, by: "test" });
  const running = rig.run(stop.signal);
  await passUntil(() => rig.snapshots()[1]?.workload === "hashing");
  expect(rig.snapshots()[0]).toMatchObject({
    workload: "none",
    mode: "release",
    why: expect.stringMatching(/^nothing of ours runs on this GPU; .* stays open .* without --gpu$/),
  });
  stop.abort();
  await running;
});

test("a GPU that goes into release while it works is freed of it", async () => {
  const stop = new AbortController();
  const running = rig.run(stop.signal);
  await passUntil(() =>
    rig.snapshots().every(({ workload, engine }) => workload !== "none" && engine?.kind === "ready"),
  );
  rig.setMode({ mode: "release", gpu: GPU_A, by: "test" });
  const first = () => rig.snapshots()[0];
  await passUntil(() => first()?.workload === "none" && first()?.engine?.kind === "stopped");
  expect([...driver.running.values()].filter(({ gpu }) => gpu === GPU_A)).toEqual([]);
  await passUntil(() => first()?.why.startsWith("nothing of ours runs") === true);
  stop.abort();
  await running;
});
