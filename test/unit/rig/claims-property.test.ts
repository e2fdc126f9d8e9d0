import fc from "fast-check";
import { expect, test } from "vitest";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { Cut, type Outcome } from "../../../src/rig/outcome.ts";
import type { PowerGroup } from "../../../src/rig/power-budget.ts";
import { watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { NEVER, RigBench } from "./bench.ts";
import { workOf } from "./bench-facts.ts";
import type { PendingRequest } from "./pending-request.ts";

const OTHERS: readonly GpuUuid[] = Array.from({ length: 11 }, (_, index): GpuUuid => `GPU-other-${index}`);
const BUDGET: PowerGroup = { name: "the rig", maxPower: watts(1500), gpus: new Set([GPU_A, ...OTHERS]) };
const AT_WORK = 300;

const KINDS = [
  ...(["hashing", "inference", "external", "none"] as const),
  ...(["give-up", "cut", "guest", "ask", "answer", "hang", "end", "others"] as const),
];
interface Event {
  readonly kind: (typeof KINDS)[number];
  readonly ms: number;
  /** What the other eleven would like to draw, each. */
  readonly power: number;
}
const event = (kind: Event["kind"], ms = 500, power = 100): Event => ({ kind, ms, power });

/** One GPU with all its parts, beside eleven that take whatever the budget still gives. */
class Course {
  readonly rig: RigBench;
  #under: Promise<Outcome> | undefined;
  #cut = new AbortController();
  #asked: { readonly request: PendingRequest; readonly jobId: string }[] = [];
  #hangs = false;
  #count = 0;

  constructor(rig: RigBench) {
    this.rig = rig;
    const stop = rig.driver.stop.bind(rig.driver);
    rig.driver.stop = async (name, signal) => {
      const hung = this.#hangs && name.startsWith("miner");
      while (this.#hangs && name.startsWith("miner")) await rig.clock.wait(seconds(1), NEVER);
      if (hung) throw new Error("the program does not end");
      await stop(name, signal);
    };
  }

  async act({ kind, ms, power }: Event): Promise<void> {
    if (kind === "give-up" || kind === "cut") this.#cut.abort(new Cut(`it is ${kind}`, kind === "give-up"));
    else if (kind === "ask") this.#ask();
    else if (kind === "answer") await this.#answer();
    else if (kind === "hang" || kind === "end") this.#hangs = kind === "hang";
    else if (kind === "others") this.#others(power);
    else if (this.#under === undefined) this.#begin(kind);
    await this.pass(ms);
  }

  #begin(kind: "hashing" | "inference" | "external" | "none" | "guest"): void {
    const { custody } = this.rig;
    this.#cut = new AbortController();
    const { signal } = this.#cut;
    const handover =
      kind === "guest" ? custody.yieldTo("a guest", signal) : custody.handOver(workOf(kind), "a test", signal);
    this.#under = handover.finally(() => {
      this.#under = undefined;
    });
  }

  #ask(): void {
    const jobId = `job-${this.#count++}`;
    this.#asked.push({ request: this.rig.ask(jobId), jobId });
  }

  async #answer(): Promise<void> {
    const { request, jobId } = this.#asked.find(({ request }) => request.settled?.kind === "granted") ?? {};
    if (request === undefined || jobId === undefined) return;
    this.#asked = this.#asked.filter((one) => one.request !== request);
    await this.rig.release(request.grant, jobId);
  }

  /** They draw what they may. */
  #others(power: number): void {
    for (const gpu of OTHERS) {
      this.rig.power.lower(gpu, watts(25));
      this.rig.power.raise(gpu, watts(power));
    }
  }

  async pass(ms: number): Promise<void> {
    for (let past = 0; past < ms; past += 500) {
      await this.rig.clock.advance(500);
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (this.#under === undefined) this.rig.custody.keepSettings(NEVER);
      this.#check();
    }
  }

  #check(): void {
    const { driver, queue, power, custody } = this.rig;
    const isAtWork = (driver.isRunning("miner") && !driver.miner.paused) || queue.facts().active > 0;
    if (isAtWork) expect(power.claimOf(GPU_A)).toBeGreaterThanOrEqual(AT_WORK);
    // A guest asks nobody.
    if (custody.assignment.workload !== "external" && !this.#wasLet)
      expect(power.claimed(BUDGET)).toBeLessThanOrEqual(BUDGET.maxPower);
    this.#wasLet =
      custody.assignment.workload === "external" || (this.#wasLet && power.claimed(BUDGET) > BUDGET.maxPower);
  }

  /** After a guest the others have to make room first. */
  #wasLet = false;

  async end(): Promise<void> {
    this.#hangs = false;
    this.#cut.abort(new Cut("the course is over"));
    for (let round = 0; round < 400 && this.#under !== undefined; round++) await this.pass(500);
    this.rig.queue.refuseAll("stopping", "the course is over");
    for (let round = 0; round < 100 && this.rig.queue.facts().active > 0; round++) {
      await this.#answer();
      await this.pass(500);
    }
    await this.rig.handOver("none");
    this.rig.custody.keepSettings(NEVER);
    expect(this.rig.custody.state).toBe("idle");
    expect(this.rig.power.claimOf(GPU_A)).toBeLessThan(AT_WORK);
  }
}

const SET_GIVEN_UP = [event("inference", 3000), event("ask"), event("external"), event("give-up", 2000)];
const HUNG_STOP = [event("hashing", 3000), event("hang"), event("none", 62_000), event("others", 500, 110)];

test("no interleaving of twelve GPUs exceeds the budget: cuts, failed stops, requests under way, guests, aborted turns", async () => {
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      ms: fc.constantFrom(500, 500, 2000, 4000, 62_000),
      power: fc.constantFrom(25, 60, 109, 200),
    }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(events, async (all) => {
      await using rig = await RigBench.start({ groups: [BUDGET], isMeasured: true, drainTimeoutMs: 5000 });
      await rig.meter.look(NEVER);
      const course = new Course(rig);
      for (const one of all) await course.act(one);
      await course.end();
    }),
    { numRuns: 30, examples: [[SET_GIVEN_UP], [HUNG_STOP]] },
  );
});
