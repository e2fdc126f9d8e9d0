/*
 * What the agent adds to a handover: each rung both ways beside the same by hand on the same containers, in turns because
 * the machine may be busy. Miner and engine are stand-ins that start in an instant, so that what is left is the agent's
 * own. Needs root and Docker's programs. Exits with 1 when a target is missed; what the agent adds to the bare calls
 * until the work answers is shown beside them and decides nothing.
 */
import { standInImage } from "../support/docker/stand-in-images.ts";
import { PrivateEngine } from "../support/engine.ts";
import { bareColdTurn, bareTurn } from "./handover-by-hand.ts";
import { coldTurn, RUNGS, rigTurn, type Turn } from "./handover-turns.ts";
import { Times } from "./times.ts";

const CYCLES = Number(process.env.BENCH_CYCLES ?? 60);
const TURNS = 3;

async function run(): Promise<Times> {
  const times = new Times();
  await using engine = await PrivateEngine.start();
  const images = { miner: await standInImage(engine, "miner"), engine: await standInImage(engine, "engine") };
  // An engine that cannot sleep is not asked to.
  const sleepless = { ...images, engine: await standInImage(engine, "engine", "sleepless") };
  const cycles = Math.ceil(CYCLES / TURNS);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const rung of ["warm", "freeze", "sleep"] as const) {
      const given: Turn = { engine, images: rung === "warm" ? sleepless : images, times, cycles };
      await bareTurn(rung, await rigTurn(rung, given), given);
      await engine.removeEverything();
    }
    const given = { engine, images: sleepless, times, cycles: Math.min(cycles, MOST_COLD) };
    await bareColdTurn(await coldTurn(given), given);
    await engine.removeEverything();
  }
  return times;
}

/** Cold handovers in a turn: each takes a card of its own, because work is cold only once. */
const MOST_COLD = 4;

const SERIES = [
  "request until granted",
  "agent, from hashing",
  "agent, from inference",
  "bare, from hashing",
  "bare, from inference",
  "bare until it answers, from hashing",
  "bare until it answers, from inference",
] as const;

interface Leg {
  readonly rung: string;
  readonly from: string;
}
type Over = "bare" | "bare until it answers";

/** What the agent takes more than the same by hand, in the middle of all cycles. */
const added = (times: Times, { rung, from }: Leg, over: Over) =>
  times.at(`${rung}: agent, from ${from}`, 0.5) - times.at(`${rung}: ${over}, from ${from}`, 0.5);

const SIDES = ["hashing", "inference"] as const;

/** What is measured, its bound, and what it is. Stop and start alone are less than a handover: their program still loads. */
function targetsOf(times: Times) {
  return [
    ...SIDES.map((from) => ({
      value: added(times, { rung: "warm", from }, "bare"),
      most: 200,
      what: `ms p50 from ${from} over bare stop and start, warm`,
    })),
    { value: times.at("freeze: request until granted", 0.5), most: 100, what: "ms p50 until the gate opens, freeze" },
    { value: times.at("freeze: request until granted", 0.99), most: 300, what: "ms p99 until the gate opens, freeze" },
  ];
}

/** The same against the bare calls and the wait until the program answers, which no handover can do without. */
const besideOf = (times: Times) =>
  (["warm", "sleep", "cold"] as const).flatMap((rung) =>
    SIDES.map((from) => ({
      value: added(times, { rung, from }, "bare until it answers"),
      what: `ms p50 from ${from} over the same by hand until it answers, ${rung}`,
    })),
  );

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
for (const { value, what } of beside) console.log(`${Math.round(value)} ${what} (decides nothing)`);
for (const { value, most, what } of missed)
  console.error(`missed: ${Math.round(value)} ${what}, the target is ${most}`);
process.exitCode = missed.length === 0 ? 0 : 1;
