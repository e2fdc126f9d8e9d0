/*
 * What the agent adds to a handover: each rung both ways beside the bare calls of the Engine on the same containers, in
 * turns because the machine may be busy. Miner and engine are stand-ins that start in an instant, so that what is left
 * is the agent's own. Needs root and Docker's programs. Exits with 1 when a target is missed; what the agent adds to the
 * bare calls until the work answers is shown beside them and decides nothing.
 */
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { RecordedTransition } from "../../src/ledger/transitions.ts";
import { ContainerRig } from "../support/container-rig.ts";
import { standInImage } from "../support/docker/stand-in-images.ts";
import { PrivateEngine } from "../support/engine.ts";
import type { Card } from "../support/nvml/occupied-cards.ts";

const CYCLES = Number(process.env.BENCH_CYCLES ?? 60);
const TURNS = 3;
const SETTLES = 3;
/** By what fits into its memory, a card takes one rung. */
const CARD_OF = {
  freeze: { vram: 24_576, miner: 4000, engine: 8000, asleep: 800 },
  sleep: { vram: 24_576, miner: 15_000, engine: 12_000, asleep: 800 },
  warm: { vram: 24_576, miner: 15_000, engine: 20_000, asleep: 20_000 },
} as const satisfies Readonly<Record<string, Card>>;
type Rung = keyof typeof CARD_OF;

const never = new AbortController().signal;

/** Milliseconds by what was timed. */
class Times {
  readonly #of = new Map<string, number[]>();

  add(what: string, ms: number): void {
    this.#of.set(what, [...(this.#of.get(what) ?? []), ms]);
  }

  async time(what: string, work: () => Promise<unknown>): Promise<void> {
    const began = performance.now();
    await work();
    this.add(what, performance.now() - began);
  }

  at(what: string, part: number): number {
    const sorted = (this.#of.get(what) ?? []).toSorted((a, b) => a - b);
    return Math.round((sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN) * 10) / 10;
  }

  count(what: string): number {
    return this.#of.get(what)?.length ?? 0;
  }
}

/** The Engine by hand: nothing but calls and their answers. */
class BareEngine {
  readonly #socketPath: string;

  constructor({ socketPath }: PrivateEngine) {
    this.#socketPath = socketPath;
  }

  post(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      request({ socketPath: this.#socketPath, method: "POST", path }, (response) => {
        const { statusCode = 0 } = response;
        text(response).then((said) => {
          if (statusCode < 400) resolve();
          else reject(new Error(`${path}: ${statusCode} ${said}`));
        }, reject);
      })
        .on("error", reject)
        .end();
    });
  }
}

/** Until the work accepts a connection, looked for as often as that takes. */
async function answers(socket: string): Promise<void> {
  const tries = () =>
    new Promise<boolean>((resolve) => {
      const client = connect(socket);
      client.once("connect", () => resolve(true)).once("error", () => resolve(false));
      client.once("connect", () => client.destroy());
    });
  while (!(await tries())) await new Promise((resolve) => setTimeout(resolve, 2));
}

interface Work {
  readonly miner: string;
  readonly engine: string;
  readonly minerSocket: string;
  readonly engineSocket: string;
}

/** Where the rig's containers are, and where they answer. */
async function worksOf(rig: ContainerRig, engine: PrivateEngine): Promise<Work> {
  const found = await rig.driver.adopt(never);
  const of = async (role: "miner" | "engine") => {
    const id = found.find((one) => one.role === role)?.container ?? "";
    const format = "{{range .Mounts}}{{.Source}}{{end}}";
    return [id, `${await engine.docker("inspect", "--format", format, id)}/${role}.sock`] as const;
  };
  const [[miner, minerSocket], [serving, engineSocket]] = [await of("miner"), await of("engine")];
  return { miner, engine: serving, minerSocket, engineSocket };
}

async function rigTurn(rung: Rung, parts: Parts): Promise<Work> {
  const { engine, images, times } = parts;
  await using rig = await ContainerRig.start({ engine, images, cards: [CARD_OF[rung]] });
  const seen = new Set<number>();
  const rows = (): readonly RecordedTransition[] =>
    rig.ledger.transitions.list(50).filter(({ id, rung: taken, detail }) => !seen.has(id) && taken === rung && !detail);
  for (let cycle = 0; cycle < SETTLES + CYCLES / TURNS; cycle++) {
    await rig.reach(0, "hashing", 90_000);
    if (rung === "freeze" && cycle > 0) await rig.until(() => rig.gpu(0).engine?.kind === "ready");
    for (const { id } of rows()) seen.add(id);
    const began = performance.now();
    const { granted, jobId } = rig.ask();
    const grant = await granted;
    const waited = performance.now() - began;
    await rig.release(grant, jobId);
    await rig.until(() => rows().length >= 2 || cycle < SETTLES);
    await rig.reach(0, "hashing");
    if (cycle < SETTLES) continue;
    times.add(`${rung}: request until granted`, waited);
    for (const { from, duration = 0 } of rows()) times.add(`${rung}: agent, from ${from}`, duration);
  }
  await rig.stop();
  return await worksOf(rig, engine);
}

/** The same containers, by hand. */
async function bareTurn(rung: Rung, { miner, engine, minerSocket, engineSocket }: Work, parts: Parts): Promise<void> {
  const { times } = parts;
  const bare = new BareEngine(parts.engine);
  const stop = (id: string) => bare.post(`/containers/${id}/stop?t=5`);
  const start = (id: string) => bare.post(`/containers/${id}/start`);
  const swap = async (from: string, [out, into, socket]: readonly [string, string, string]) => {
    const began = performance.now();
    await stop(out);
    await start(into);
    times.add(`${rung}: bare, from ${from}`, performance.now() - began);
    await answers(socket);
    times.add(`${rung}: bare until it answers, from ${from}`, performance.now() - began);
  };
  await start(miner);
  for (let cycle = 0; cycle < CYCLES / TURNS; cycle++) {
    if (rung === "freeze") {
      await times.time("freeze: bare, from hashing", () => bare.post(`/containers/${miner}/pause`));
      await times.time("freeze: bare, from inference", () => bare.post(`/containers/${miner}/unpause`));
    } else {
      await swap("hashing", [miner, engine, engineSocket]);
      await swap("inference", [engine, miner, minerSocket]);
    }
  }
  await stop(miner);
}

interface Parts {
  readonly engine: PrivateEngine;
  readonly images: { readonly miner: string; readonly engine: string };
  readonly times: Times;
}

const RUNGS = ["warm", "freeze", "sleep"] as const;

async function run(): Promise<Times> {
  const times = new Times();
  await using engine = await PrivateEngine.start();
  const images = { miner: await standInImage(engine, "miner"), engine: await standInImage(engine, "engine") };
  // An engine that cannot sleep is not asked to.
  const sleepless = { ...images, engine: await standInImage(engine, "engine", "sleepless") };
  for (let turn = 0; turn < TURNS; turn++)
    for (const rung of RUNGS) {
      const parts = { engine, images: rung === "warm" ? sleepless : images, times };
      const works = await rigTurn(rung, parts);
      if (rung !== "sleep") await bareTurn(rung, works, parts);
      await engine.removeEverything();
    }
  return times;
}

const SERIES = [
  "request until granted",
  "agent, from hashing",
  "agent, from inference",
  "bare, from hashing",
  "bare, from inference",
  "bare until it answers, from hashing",
  "bare until it answers, from inference",
] as const;

/** What the agent takes more than the same by hand, in the middle of all cycles. */
const added = (times: Times, from: string, over: "bare" | "bare until it answers") =>
  times.at(`warm: agent, from ${from}`, 0.5) - times.at(`warm: ${over}, from ${from}`, 0.5);

const SIDES = ["hashing", "inference"] as const;

/** What is measured, its bound, and what it is. Stop and start alone are less than a handover: their program still loads. */
function targetsOf(times: Times) {
  return [
    ...SIDES.map((from) => ({
      value: added(times, from, "bare"),
      most: 200,
      what: `ms p50 from ${from} over bare stop and start, warm`,
    })),
    { value: times.at("freeze: request until granted", 0.5), most: 100, what: "ms p50 until the gate opens, freeze" },
    { value: times.at("freeze: request until granted", 0.99), most: 300, what: "ms p99 until the gate opens, freeze" },
  ];
}

/** The same against the bare calls and the wait until the program answers, which no handover can do without. */
const besideOf = (times: Times) =>
  SIDES.map((from) => ({
    value: added(times, from, "bare until it answers"),
    most: 200,
    what: `ms p50 from ${from} over bare stop and start until it answers, warm`,
  }));

const times = await run();
const series = RUNGS.flatMap((rung) => SERIES.map((what) => `${rung}: ${what}`)).filter(
  (what) => times.count(what) > 0,
);
const rows = series.map((what) => {
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((part) => times.at(what, part));
  return { what, count: times.count(what), p50, p90, p99 };
});
const targets = targetsOf(times);
const beside = besideOf(times);
const missed = targets.filter(({ value, most }) => !(value <= most));
console.log(JSON.stringify({ bench: "handover", cycles: CYCLES, rows, targets, beside, met: missed.length === 0 }));
const line = (words: readonly unknown[]) => words.map((word) => String(word ?? "").padStart(9)).join("");
console.log(`${"ms".padEnd(48)}${line(["count", "p50", "p90", "p99"])}`);
for (const { what, count, p50, p90, p99 } of rows) console.log(`${what.padEnd(48)}${line([count, p50, p90, p99])}`);
for (const { value, most, what } of targets) console.log(`${Math.round(value)} ${what} (target: at most ${most})`);
for (const { value, most, what } of beside)
  console.log(`${Math.round(value)} ${what} (${value <= most ? "within" : "above"} ${most}; decides nothing)`);
for (const { value, most, what } of missed)
  console.error(`missed: ${Math.round(value)} ${what}, the target is ${most}`);
process.exitCode = missed.length === 0 ? 0 : 1;
