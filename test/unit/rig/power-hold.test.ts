import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import type { GpuUuid, Workload } from "../../../src/ledger/rows.ts";
import type { RecordedTransition } from "../../../src/ledger/transitions.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { LeftLoad } from "../../../src/rig/left-load.ts";
import { PowerBudget } from "../../../src/rig/power-budget.ts";
import { budgetOf, openWhenTold } from "../../../src/rig/power-hold.ts";
import { Roster } from "../../../src/rig/roster.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { FakeProcesses } from "../../support/fake-processes.ts";
import { T0, transitionEnd, transitionRow } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const RESTING_W = 25;
const LIMIT_W = 300;
const COUNT = 12;
const uuid = (index: number): GpuUuid => `GPU-${index}`;

const recordedTransition = (gpu: GpuUuid, to: Workload): RecordedTransition => ({
  id: 1,
  ...transitionRow({ gpu, to }),
  ...transitionEnd(),
  duration: undefined,
  energy: undefined,
  detail: undefined,
  xid: undefined,
  vramBeforeMiB: undefined,
  vramAfterMiB: undefined,
});

/** Twelve GPUs as they are when an agent starts: some hash in containers that an earlier one left. */
class RestartedRig {
  readonly clock = new ManualClock(T0);
  /** The ledger's last handover of each GPU. */
  readonly last = new Map<GpuUuid, RecordedTransition>();
  readonly power: PowerBudget;
  readonly starts: number[] = [];
  readonly log: string[] = [];
  readonly #running: Set<number>;
  readonly #group;
  readonly #gpus: ReadonlyMap<GpuUuid, { roster: Roster; left: LeftLoad; latest: { reading?: GpuReading } }>;
  readonly #stop = new AbortController();
  #onSurveyed: (() => void) | undefined;

  constructor(left: readonly number[], maxW: number, startEveryMs = 0, recorded = left) {
    this.#running = new Set(left);
    this.#group = {
      name: "the rig",
      maxPower: watts(maxW),
      gpus: new Set(Array.from({ length: COUNT }, (_, i) => uuid(i))),
    };
    this.power = new PowerBudget({
      clock: this.clock,
      groups: [this.#group],
      startEvery: millis(startEveryMs),
      isHeld: true,
    });
    for (const index of recorded) this.last.set(uuid(index), recordedTransition(uuid(index), "hashing"));
    this.#gpus = new Map(Array.from({ length: COUNT }, (_, index) => [uuid(index), this.#gpu(uuid(index))]));
    const ledger = { transitions: { latest: (gpu: GpuUuid) => this.last.get(gpu) } };
    const parts = {
      ...this,
      clock: this.clock,
      ledger,
      left: new Map([...this.#gpus].map(([gpu, one]) => [gpu, one.left])),
    };
    const driver = {
      onSurveyed: (listener: () => void) => {
        this.#onSurveyed = listener;
      },
    };
    const logger = createLogger("debug", (line) => this.log.push(line));
    void openWhenTold({ ...parts, driver, logger }, this.#stop.signal);
  }

  #gpu(gpu: GpuUuid) {
    const roster = new Roster(new FakeProcesses());
    const latest: { reading?: GpuReading } = {};
    const load = () => ({ gpu, working: watts(200), resting: watts(RESTING_W), isResting: true });
    return {
      roster,
      latest,
      left: new LeftLoad({ info: { uuid: gpu }, power: this.power, roster, meter: { latest }, load }),
    };
  }

  #of(index: number) {
    const gpu = this.#gpus.get(uuid(index));
    if (gpu === undefined) throw new Error(`no GPU ${index}`);
    return gpu;
  }

  /** What the card really draws, as far as the budget can know. */
  get drawn(): number {
    return this.#running.size * LIMIT_W + (COUNT - this.#running.size) * RESTING_W;
  }

  get claimed(): number {
    return this.power.claimed(this.#group);
  }

  read(index: number): void {
    const { latest, left } = this.#of(index);
    const [at, monotonic] = [unixMs(this.clock.now()), millis(this.clock.monotonic())];
    latest.reading = { uuid: uuid(index), at, monotonic, health: "ok", epoch: "e", powerLimit: watts(LIMIT_W) };
    left.review();
  }

  /** The Engine answers, and tells what runs. */
  tell(): void {
    if (this.#onSurveyed === undefined) return;
    for (const index of this.#running) {
      const { roster, left } = this.#of(index);
      roster.adopt({ role: "miner", state: "running", container: `c-${index}`, ...ADOPTED, gpus: [uuid(index)] });
      left.adopted({ state: "running" }, true);
    }
    this.#onSurveyed();
    this.#onSurveyed = undefined;
  }

  /** The GPU's loop wants to hash: it starts a miner, or takes over the one that runs. */
  async start(index: number): Promise<void> {
    const outcome = await this.power.claim(uuid(index), watts(LIMIT_W), this.#stop.signal);
    if (outcome.kind !== "done") return;
    this.starts.push(this.clock.monotonic());
    this.#running.add(index);
    this.#of(index).roster.note("miner", { ...WORK, container: `c-${index}` });
    this.#of(index).left.review();
  }

  stop(index: number): void {
    // Whom the Engine did not tell of cannot be stopped either.
    if (this.#onSurveyed !== undefined) return;
    this.#running.delete(index);
    const { roster, left } = this.#of(index);
    roster.note("miner", undefined);
    this.power.lower(uuid(index), watts(RESTING_W));
    left.review();
  }

  end(): void {
    this.#stop.abort();
  }
}

const ADOPTED = { name: "m", fingerprint: "f", since: undefined };
const WORK = { name: "m", pid: 4242, host: "127.0.0.1", port: 1, facts: {} };
const MAX_W = 1800;

describe("twelve GPUs after a restart of the agent", () => {
  const indexes = fc.uniqueArray(fc.nat(COUNT - 1), { maxLength: 5 });
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom("start", "start", "stop", "read", "tell"),
      gpu: fc.nat(COUNT - 1),
      ms: fc.integer({ min: 0, max: 4000 }),
    }),
    { maxLength: 50 },
  );

  /** The claim of GPU 2 is met as it is made, between two tries of GPU 1. */
  const metAtOnce = [
    { gpu: 0, ms: 13_879 },
    { gpu: 1, ms: 1821 },
    { gpu: 2, ms: 180 },
    { gpu: 0, ms: 699 },
  ].map((event) => ({ ...event, kind: "start" as const }));

  test("never draw more than the budget, whoever asks and whenever the Engine tells what runs", async () => {
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(indexes, events, fc.constantFrom(0, 700), async (left, all, startEveryMs) => {
        const rig = new RestartedRig(left, MAX_W, startEveryMs);
        // One that has started is not started again before it was stopped.
        const asked = new Map<number, "waits" | "runs">();
        for (const { kind, gpu, ms } of all) {
          if (kind === "start" && !asked.has(gpu)) {
            asked.set(gpu, "waits");
            void rig.start(gpu).then(() => asked.set(gpu, "runs"));
          } else if (kind === "stop" && asked.get(gpu) !== "waits") {
            asked.delete(gpu);
            rig.stop(gpu);
          } else if (kind === "read") rig.read(gpu);
          else if (kind === "tell") rig.tell();
          // A start is booked at the time of its claim, before any time passes.
          await rig.clock.advance(0);
          await rig.clock.advance(ms);
          expect(rig.drawn).toBeLessThanOrEqual(MAX_W);
          expect(rig.power.isHeld || rig.claimed <= MAX_W).toBe(true);
        }
        for (const [at, next] of rig.starts.slice(1).map((at, index) => [rig.starts[index] ?? 0, at] as const))
          if (left.length === 0) expect(next - at).toBeGreaterThanOrEqual(startEveryMs);
        if (!rig.power.isHeld) opened++;
        rig.end();
      }),
      { numRuns: 80, examples: [[[], metAtOnce, 700]] },
    );
    expect(opened, "runs in which claims were met").toBeGreaterThan(0);
  });
});

let rig: RestartedRig;
const readAll = () => {
  for (let index = 0; index < COUNT; index++) rig.read(index);
};
/** Five hash on, and there is no room for a sixth beside them. */
beforeEach(() => {
  rig = new RestartedRig([0, 1, 2, 3, 4], MAX_W - 100);
});
afterEach(() => rig.end());

test("a free GPU waits until the Engine has told what runs on the others, and then finds no room", async () => {
  readAll();
  void rig.start(7);
  await rig.clock.advance(3000);
  expect(rig.starts).toEqual([]);
  rig.tell();
  await rig.clock.advance(3000);
  expect(rig.starts).toEqual([]);
  rig.stop(0);
  await rig.clock.advance(500);
  expect(rig.starts).toHaveLength(1);
});

test("where the Engine says that nothing runs, the first start waits for a moment only", async () => {
  rig = new RestartedRig([], MAX_W);
  readAll();
  void rig.start(7);
  rig.tell();
  await rig.clock.advance(200);
  expect(rig.starts).toHaveLength(1);
});

test("a GPU that was not read yet holds the others up: its limit is not known", async () => {
  rig.tell();
  void rig.start(0);
  await rig.clock.advance(5000);
  expect(rig.starts).toEqual([]);
  readAll();
  await rig.clock.advance(200);
  expect(rig.starts).toHaveLength(1);
});

describe("where the Engine does not answer in time", () => {
  test("the ledger's last handovers count as running, until it does", async () => {
    readAll();
    void rig.start(7);
    await rig.clock.advance(20_000);
    expect([rig.starts, rig.claimed, rig.power.isHeld]).toEqual([[], 5 * LIMIT_W + 7 * RESTING_W, false]);
    expect(rig.log.join("")).toContain("GPU-0, GPU-1, GPU-2, GPU-3, GPU-4");
    for (const gpu of [0, 1, 2, 3, 4]) rig.power.lower(uuid(gpu), watts(RESTING_W));
    expect(rig.claimed, "a failed start lets nothing of it go").toBe(5 * LIMIT_W + 7 * RESTING_W);
  });

  test("what it then does not tell of is free again", async () => {
    rig = new RestartedRig([], MAX_W, 0, [3]);
    readAll();
    await rig.clock.advance(16_000);
    expect(rig.claimed).toBe(LIMIT_W + 11 * RESTING_W);
    rig.tell();
    expect(rig.claimed).toBe(COUNT * RESTING_W);
  });

  test("a GPU that rested, or that was a guest's, counts as resting", async () => {
    const free = new RestartedRig([], MAX_W);
    for (const [index, to] of [
      [1, "none"],
      [2, "external"],
    ] as const)
      free.last.set(uuid(index), recordedTransition(uuid(index), to));
    await free.clock.advance(16_000);
    expect(free.claimed).toBe(COUNT * RESTING_W);
    free.end();
  });
});

test("claims are held only where there is a budget, and an Engine to ask", () => {
  const clock = new ManualClock(T0);
  const gpus = [new FakeGpuSource(clock, uuid(0)).info];
  const budget = (maxW: number | undefined, driver: { onSurveyed?: () => void }) => {
    const power = maxW === undefined ? {} : { power: { budget: { maxW } } };
    const config = parseConfig({ version: 1, rig: { name: "attic" }, ...power }, "test", "/");
    return budgetOf({ config, clock, gpus, driver }).isHeld;
  };
  const asks = { onSurveyed: () => {} };
  expect([budget(900, asks), budget(900, {}), budget(undefined, asks)]).toEqual([true, false, false]);
});
