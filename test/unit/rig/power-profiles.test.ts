import fc from "fast-check";
import { expect, test } from "vitest";
import type { ControlOutcome, GpuControl } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { GpuUuid, Workload } from "../../../src/ledger/rows.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { CardSettings } from "../../../src/rig/card-settings.ts";
import { OwnClaim } from "../../../src/rig/own-claim.ts";
import { PowerBudget, type PowerGroup } from "../../../src/rig/power-budget.ts";
import { type Profile, Tuner } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const COUNT = 12;
const RESTING_W = 25;
const FOUND_W = 300;
const uuid = (index: number): GpuUuid => `GPU-${index}`;
const group = (name: string, maxW: number, from: number, to: number): PowerGroup => ({
  name,
  maxPower: watts(maxW),
  gpus: new Set(Array.from({ length: to - from }, (_, index) => uuid(from + index))),
});
const GROUPS = [group("the rig", 1900, 0, 12), group("left", 1000, 0, 6), group("right", 1100, 6, 12)];

type Answer = "done" | "lies" | "refuses" | "hangs";
const OUTCOME: Readonly<Record<Answer, ControlOutcome>> = {
  done: { kind: "done" },
  lies: { kind: "done" },
  refuses: { kind: "refused", reason: "out-of-range" },
  hangs: { kind: "unavailable" },
};

interface World {
  readonly clock: ManualClock;
  readonly power: PowerBudget;
  readonly ledger: Ledger;
  readonly profiles: readonly Profile[];
  /** Called after everything that changes what the GPUs can draw. */
  readonly check: () => void;
}

/** One GPU and its loop, which does one thing after the other. */
class Gpu {
  limit = FOUND_W;
  isLoaded = false;
  workload: Workload = "none";
  answers: readonly Answer[] = ["done"];
  starts = 0;
  #calls = 0;
  /** A driver serves calls in turn, also after one that hung. */
  #driver: Promise<unknown> = Promise.resolve();
  #loop: Promise<unknown> = Promise.resolve();
  readonly #world: World;
  readonly #tuner: Tuner;
  readonly #settings: CardSettings;

  constructor(index: number, world: World) {
    this.#world = world;
    const { clock, power, ledger, profiles } = world;
    const claim = new OwnClaim(uuid(index), power);
    const logger = createLogger("error", () => {});
    this.#tuner = new Tuner({ gpu: uuid(index), clock, control: this.#control(), profiles, claim, ledger, logger });
    const gpu = this;
    const meter = {
      get latest() {
        const [at, monotonic] = [unixMs(clock.now()), millis(clock.monotonic())];
        return {
          reading: { uuid: uuid(index), at, monotonic, health: "ok", epoch: "e", powerLimit: watts(gpu.limit) },
        } as const;
      },
    };
    const rates = { workingPower: undefined, power: () => watts(RESTING_W) };
    const ground = { roster: { isLeft: () => false, isTold: true } };
    this.#settings = new CardSettings({ clock, steady: clock, meter, rates, tuner: this.#tuner, claim, ground });
  }

  get drawsAtMost(): number {
    return this.isLoaded ? this.limit : RESTING_W;
  }

  /** After all that was asked of this GPU before. */
  ask(what: Workload | "look", signal: AbortSignal): void {
    this.#loop = this.#loop.then(() => (signal.aborted ? undefined : this.#do(what, signal)));
  }

  async #do(what: Workload | "look", signal: AbortSignal): Promise<void> {
    const settings = this.#settings;
    const tuner = this.#tuner;
    if (what === "look" || what === this.workload) return await settings.keep(this.workload, signal);
    await settings.makeWay(this.workload, signal);
    if (this.workload !== "none") await tuner.restore(signal);
    if (what === "none") {
      this.#load(false);
    } else {
      if (this.workload === "none") {
        const within = AbortSignal.any([signal, this.#deadline(signal)]);
        if ((await settings.claimFor(what, within)).kind !== "done") return settings.settle("none", true);
      }
      this.starts++;
      if (what === "inference") await tuner.apply("serving", signal);
      this.#load(true);
      if (what === "hashing") await tuner.apply("hashing", signal);
    }
    this.workload = what;
    settings.settle(what, true);
  }

  #deadline(signal: AbortSignal): AbortSignal {
    const late = new AbortController();
    void this.#world.clock.wait(millis(5000), signal).then(() => late.abort());
    return late.signal;
  }

  #load(isLoaded: boolean): void {
    this.isLoaded = isLoaded;
    this.#world.check();
  }

  #control(): GpuControl {
    const done = () => Promise.resolve(OUTCOME.done);
    const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
      const turn = this.#driver.then(act);
      this.#driver = turn;
      return turn;
    };
    return {
      readSettings: () => inTurn(() => Promise.resolve({ powerLimit: watts(this.limit) })),
      setPowerLimit: (_gpu, limit) => {
        const answer = this.answers[this.#calls++ % this.answers.length] ?? "done";
        const set = inTurn(async () => {
          await this.#world.clock.wait(millis(answer === "hangs" ? 4000 : 100), new AbortController().signal);
          if (answer === "done" || answer === "hangs") this.limit = limit;
          this.#world.check();
        });
        // What hangs is not waited for, and takes effect all the same.
        return answer === "hangs" ? Promise.resolve(OUTCOME.hangs) : set.then(() => OUTCOME[answer]);
      },
      lockClocks: done,
      resetClocks: done,
    };
  }
}

const hashing: Profile = { role: "hashing", powerLimit: watts(180), mayRaise: false };
const serving = (limit: number, mayRaise: boolean): Profile => ({
  role: "serving",
  powerLimit: watts(limit),
  mayRaise,
});
const PROFILES: readonly (readonly Profile[])[] = [
  [hashing],
  [hashing, serving(350, true)],
  [serving(200, false)],
  [{ ...hashing, powerLimit: watts(340), mayRaise: true }, serving(150, false)],
];

/** As many at work as the budget lets start. */
const FULL = Array.from({ length: COUNT }, (_, gpu) => ({ gpu, what: "hashing" as const, ms: 300 }));
const plan = fc.array(
  fc.record({
    gpu: fc.nat(COUNT - 1),
    what: fc.constantFrom<Workload | "look">("hashing", "hashing", "inference", "none", "look"),
    ms: fc.nat(9000),
  }),
  { maxLength: 60 },
);
const answers = fc.array(fc.constantFrom<Answer>("done", "done", "done", "lies", "refuses", "hangs"), {
  minLength: 1,
  maxLength: 6,
});

async function play(
  events: readonly { gpu: number; what: Workload | "look"; ms: number }[],
  profiles: readonly Profile[],
  script: readonly Answer[],
): Promise<{ readonly worst: number; readonly starts: number; readonly over: readonly string[] }> {
  const clock = new ManualClock(T0);
  const ledger = openMemoryLedger(clock);
  const power = new PowerBudget({ clock, groups: GROUPS, startEvery: millis(0) });
  const gpus: Gpu[] = [];
  const over: string[] = [];
  let worst = 0;
  const check = () => {
    for (const { name, maxPower, gpus: members } of GROUPS) {
      const drawn = gpus.reduce((sum, gpu, index) => sum + (members.has(uuid(index)) ? gpu.drawsAtMost : 0), 0);
      worst = Math.max(worst, drawn / maxPower);
      if (drawn > maxPower) over.push(`${name}: ${drawn} W`);
    }
  };
  for (let index = 0; index < COUNT; index++) {
    const gpu = new Gpu(index, { clock, power, ledger, profiles, check });
    gpu.answers = [...script.slice(index % script.length), ...script];
    gpus.push(gpu);
  }
  const stop = new AbortController();
  for (const { gpu, what, ms } of events) {
    gpus[gpu]?.ask(what, stop.signal);
    await clock.advance(ms);
    for (const one of GROUPS) if (power.claimed(one) > one.maxPower) over.push(`${one.name}: claimed`);
  }
  stop.abort();
  await clock.advance(20_000);
  ledger.close();
  return { worst, starts: gpus.reduce((sum, { starts }) => sum + starts, 0), over };
}

test("the limits in force of twelve GPUs at work never come to more than a supply or the rig gives, whatever the order of starts, profiles and failures", async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.constantFrom(...PROFILES), answers, async (events, profiles, script) => {
      expect((await play([...FULL, ...events], profiles, script)).over).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test("profiles that lower the limit let more GPUs work at once than the limits found would", async () => {
  const low = await play(FULL, [hashing], ["done"]);
  const stock = await play(FULL, [], ["done"]);
  expect([low.starts, stock.starts]).toEqual([10, 5]);
  expect(low.worst).toBeGreaterThan(0.9);
});
