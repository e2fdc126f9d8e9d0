import fc from "fast-check";
import { expect, test } from "vitest";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import type { Outcome } from "../../../src/rig/outcome.ts";
import type { Tenancy } from "../../../src/rig/tenancy.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";
import { type FakeProgram, TenancyBench } from "../../support/tenancy-bench.ts";

const GPUS: readonly GpuUuid[] = ["GPU-1", "GPU-2", "GPU-3"];
const SETS = { left: ["GPU-1", "GPU-2"], right: ["GPU-2", "GPU-3"], all: GPUS } as const satisfies Record<
  string,
  readonly GpuUuid[]
>;
/** One for all worlds: opening one for each takes most of the time. */
const LEDGER = openMemoryLedger(new ManualClock(T0));
const NEVER = new AbortController().signal;

/** Where one GPU is: at its own work, on its way into a set, or in it. */
interface Place {
  came?: string;
  outcome?: Outcome;
}

/** Three GPUs, three sets that overlap, and every event that may come next. */
class World {
  readonly bench = new TenancyBench({ ledger: LEDGER });
  readonly sets = new Map<string, { tenancy: Tenancy; program: FakeProgram }>();
  readonly places = new Map<GpuUuid, Place>(GPUS.map((gpu) => [gpu, {}]));
  readonly wants = new Map<GpuUuid, string>();

  constructor() {
    for (const [name, gpus] of Object.entries(SETS)) {
      const { tenancy, program } = this.bench.add(gpus, { name });
      [program.startsAtOnce, program.busy] = [false, false];
      this.sets.set(name, { tenancy, program });
    }
  }

  /** What may happen now, in a fixed order. */
  events(): readonly (readonly [string, () => void])[] {
    const events: [string, () => void][] = [];
    for (const gpu of GPUS) events.push(...this.#eventsOf(gpu));
    for (const [name, { program }] of this.sets) {
      if (!program.isStarting) continue;
      events.push([`${name} starts`, () => program.finishStart()]);
      events.push([`${name} does not start`, () => program.finishStart("exit code 1")]);
      events.push([`${name} is in use already`, () => this.#findCustomer(program)]);
    }
    return events;
  }

  #findCustomer(program: FakeProgram): void {
    program.busy = true;
    program.finishStart("exit code 1");
  }

  *#eventsOf(gpu: GpuUuid): Generator<[string, () => void]> {
    const { came } = this.places.get(gpu) ?? {};
    const calling = [...this.sets.values()].find(({ tenancy }) => tenancy.isTaking && tenancy.gpus.includes(gpu));
    if (calling !== undefined && came === undefined) {
      yield [`${gpu} comes to ${calling.tenancy.name}`, () => this.#come(gpu, calling.tenancy)];
      yield [`${gpu} cannot be freed`, () => calling.tenancy.withdraw(gpu, "its VRAM stays in use")];
    }
    // Even one that is called or taken may find another set better.
    for (const [name, { tenancy }] of this.sets)
      if (tenancy.gpus.includes(gpu) && this.wants.get(gpu) !== name)
        yield [`${gpu} wants ${name}`, () => this.#want(gpu, name)];
  }

  #want(gpu: GpuUuid, name: string): void {
    for (const [other, { tenancy }] of this.sets) if (other !== name) tenancy.unwant(gpu);
    this.wants.set(gpu, name);
    this.sets.get(name)?.tenancy.want(gpu);
  }

  #come(gpu: GpuUuid, tenancy: Tenancy): void {
    const place: Place = { came: tenancy.name };
    this.places.set(gpu, place);
    this.wants.delete(gpu);
    void tenancy.arrive(gpu, NEVER).then((outcome) => {
      place.outcome = outcome;
      // Taken back, it is free for anything again.
      if (outcome.kind !== "done") this.places.set(gpu, {});
    });
  }

  inside(name: string): readonly GpuUuid[] {
    return GPUS.filter((gpu) => this.places.get(gpu)?.came === name);
  }

  /** What must hold at any moment. */
  check(trail: readonly string[]): void {
    const why = trail.join("; ");
    for (const gpu of GPUS) {
      const taking = [...this.sets.values()].filter(({ tenancy }) => tenancy.isTaking && tenancy.gpus.includes(gpu));
      expect(taking.length, `${gpu} is called twice: ${why}`).toBeLessThan(2);
    }
    for (const [name, { tenancy, program }] of this.sets) {
      const done = GPUS.filter((gpu) => this.places.get(gpu)?.came === name && this.places.get(gpu)?.outcome);
      expect([0, tenancy.gpus.length], `${name} half held: ${why}`).toContain(done.length);
      if (program.isStarting) expect(this.inside(name), `${name} starts without all: ${why}`).toEqual(tenancy.gpus);
      const taken = tenancy.gpus.filter((gpu) => this.bench.seats.get(gpu) === tenancy);
      expect([0, tenancy.gpus.length], `${name} half seated: ${why}`).toContain(taken.length);
    }
  }

  /** Lets every deadline pass and every hook end: nobody may wait any more, and nothing may be half held. */
  async settle(trail: readonly string[]): Promise<void> {
    await this.bench.clock.advance(121_000);
    for (const { program } of this.sets.values()) program.finishStart();
    await this.bench.clock.advance(121_000);
    const why = trail.join("; ");
    for (const [name, { tenancy }] of this.sets) {
      const inside = this.inside(name);
      expect([0, tenancy.gpus.length], `${name} holds ${inside} in the end: ${why}`).toContain(inside.length);
      expect(tenancy.isTaking, `${name} still takes: ${why}`).toBe(false);
    }
    for (const { came, outcome } of this.places.values())
      expect(came === undefined || outcome !== undefined, `somebody waits for ever: ${why}`).toBe(true);
    this.check(trail);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Plays the events that `choices` pick; returns how many were open at the end. */
async function play(choices: readonly number[]): Promise<number> {
  const world = new World();
  const trail: string[] = [];
  for (const choice of choices) {
    const events = world.events();
    const event = events[choice % Math.max(1, events.length)];
    if (event === undefined) break;
    trail.push(event[0]);
    event[1]();
    await settled();
    world.check(trail);
  }
  const open = world.events().length;
  await world.settle(trail);
  return open;
}

test("no order of four events leaves a set half held or a GPU waiting", { timeout: 120_000 }, async () => {
  let played = 0;
  const walk = async (path: readonly number[], depth: number): Promise<void> => {
    const open = await play(path);
    played++;
    if (depth === 0) return;
    for (let choice = 0; choice < open; choice++) await walk([...path, choice], depth - 1);
  };
  await walk([], 4);
  expect(played).toBeGreaterThan(1000);
});

test("no long order of events leaves a set half held or a GPU waiting", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1000), { minLength: 5, maxLength: 40 }), async (choices) => {
      await play(choices);
    }),
    { numRuns: 300 },
  );
});
