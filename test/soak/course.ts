import type { GpuReading } from "../../src/gpu/source.ts";
import { INFERENCE } from "../../src/ledger/work.ts";
import { PID_OF } from "../support/fake-work-driver.ts";
import { GPU_A } from "../support/ledger-rows.ts";
import { NEVER, type RigBench } from "../unit/rig/bench.ts";

/** Deaf to SIGTERM, it is killed when its time to stop is over. */
const DEAF_STOP_MS = 5000;
/** The loop looks again once a second. */
const AFTER_COOL_DOWN_MS = 2000;
/** One round in so many has a miner that does not end when asked, and another an engine that does not start. */
const TROUBLE_EVERY = 50;

/** The rounds of one rig, some of them with trouble, after which the GPU must be as it was. */
export class Course {
  /** What was not as it must be. */
  readonly broken: string[] = [];
  /** Handovers while an engine did not start, which may fail. */
  readonly troubled = new Set<number>();
  readonly #rig: RigBench;
  #requests = 0;

  constructor(rig: RigBench) {
    this.#rig = rig;
  }

  async go(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await this.round();
      if (round % TROUBLE_EVERY === TROUBLE_EVERY / 2) await this.#knows(() => this.#meetDeafMiner(), "a deaf miner");
      if (round % TROUBLE_EVERY === TROUBLE_EVERY - 1) await this.#knows(() => this.#failStart(), "a failed start");
    }
  }

  /** A request takes the GPU from the miner, and the gap behind it gives the GPU back. */
  async round(): Promise<void> {
    const rig = this.#rig;
    await rig.hashing();
    const jobId = `request-${++this.#requests}`;
    await rig.release(await rig.served(rig.ask(jobId)), jobId);
    await rig.until(() => rig.workload === "inference");
    await rig.hashing();
    for (const list of [rig.log, rig.driver.log, rig.driver.miner.calls, rig.driver.engine.requests]) list.length = 0;
    rig.driver.engine.sleepCalls.length = 0;
  }

  /** It is stopped in the way of its rung, and once by order, because where both sides fit it is only paused. */
  async #meetDeafMiner(): Promise<void> {
    const rig = this.#rig;
    rig.driver.stopMs.set("miner", DEAF_STOP_MS);
    await this.round();
    rig.mode = "pause";
    rig.wake.call();
    await rig.until(() => rig.workload === "none" && !rig.driver.isRunning("miner"));
    rig.mode = "auto";
    rig.wake.call();
    await rig.hashing();
    rig.driver.stopMs.delete("miner");
  }

  /** One that ran ends first, so that there is a start to fail. */
  async #failStart(): Promise<void> {
    const rig = this.#rig;
    const last = this.#lastRow();
    rig.driver.failures.set("engine", "the model is broken");
    rig.driver.exit("engine", "it crashed");
    await this.#coolDown();
    const jobId = `request-${++this.#requests}`;
    const request = rig.ask(jobId);
    await rig.until(() => rig.driver.log.includes("fail engine"));
    rig.driver.failures.delete("engine");
    const answer = await rig.answered(request);
    if (answer.kind === "granted") await rig.release(answer.grant, jobId);
    else
      rig.ledger.jobs.endJob(jobId, { ended: rig.clock.now(), outcome: "failed", reason: "the engine did not start" });
    await rig.hashing();
    for (let id = last + 1; id <= this.#lastRow(); id++) this.troubled.add(id);
    // Tried again when its cool-down is over, it serves.
    await this.#coolDown();
    await this.round();
  }

  async #coolDown(): Promise<void> {
    const { cooldown, steady } = this.#rig;
    await this.#rig.until(() => cooldown.blocking(INFERENCE, steady.now()) === undefined);
    await this.#rig.pass(AFTER_COOL_DOWN_MS);
  }

  #lastRow(): number {
    return this.#rig.ledger.transitions.list(1)[0]?.id ?? 0;
  }

  async #knows(trouble: () => Promise<void>, name: string): Promise<void> {
    await trouble();
    const rig = this.#rig;
    await rig.until(() => rig.custody.state === "open");
    const reading = await rig.source.read(GPU_A, NEVER);
    this.broken.push(...strangeIn(rig, reading).map((one) => `after ${name}: ${one}`));
  }
}

/** What of the GPU's state does not fit together. */
function strangeIn(rig: RigBench, { processes = [], vramUsedMiB, health }: GpuReading): readonly string[] {
  const { driver, workload, engine, ground } = rig;
  const roles = (["miner", "engine"] as const).filter((role) => driver.isRunning(role));
  const wanted = roles.map((role) => PID_OF[role]).join();
  const there = processes.map(({ pid }) => pid).join();
  const sum = processes.reduce((total, { usedMiB = 0 }) => total + usedMiB, 0);
  return [
    ...(workload === "hashing" && roles.includes("miner") ? [] : [`${workload}, with ${roles.join(" and ")}`]),
    ...(roles.includes("engine") === (engine.state.kind === "ready") ? [] : [`the engine is ${engine.state.kind}`]),
    ...(there === wanted && sum === vramUsedMiB ? [] : [`on the GPU are ${there} with ${vramUsedMiB} MiB`]),
    ...(health === "ok" && ground.health.isolation === undefined ? [] : [`the GPU is ${health}, or isolated`]),
  ];
}
