import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { MinerEffects, PoolEffects } from "../../src/mining/stratum/dialect.ts";
import { dialects } from "../../src/mining/stratum/dialects.ts";
import { MinerSide } from "../../src/mining/stratum/miner-side.ts";
import { toPool } from "../../src/mining/stratum/pools.ts";
import { type DialectScript, dialectScripts, jobId } from "./dialect-scripts.ts";
import { ManualClock } from "./manual-clock.ts";

/** A small generator of the same numbers for the same seed (mulberry32). */
export function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const SPLICES = [
  "",
  "null",
  '"',
  "{",
  "]",
  "1e999",
  "-1",
  "\u0000",
  '{"a":',
  "[[",
  "18446744073709551616",
  "true",
  "ÿ",
];

/** A real line with up to three places of it replaced, cut or doubled. */
export function spoil(line: string, random: (below: number) => number): Buffer {
  let text = line;
  for (let i = 0; i <= random(3); i++) {
    const from = random(text.length + 1);
    const to = Math.min(text.length, from + random(24));
    const insert = random(4) === 0 ? text.slice(0, random(40)) : (SPLICES[random(SPLICES.length)] ?? "");
    text = text.slice(0, from) + insert + text.slice(to);
  }
  return Buffer.from(`${text}\n`);
}

/** Collects garbage when called, so that only what is kept is counted. */
function openCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

const nothing = () => {};
const poolEffects: PoolEffects = {
  toPool: nothing,
  settled: nothing,
  broken: nothing,
  redirected: nothing,
  words: nothing,
  changed: nothing,
};

/** A miner and a pool of one dialect at work, which take spoiled lines until the miner is cut off. */
function open(script: DialectScript, clock: ManualClock) {
  const state = { dropped: false };
  const effects: MinerEffects = {
    toMiner: nothing,
    dropMiner: () => {
      state.dropped = true;
    },
    recordShare: nothing,
    recordForeign: nothing,
    foreignLogin: nothing,
    gpuOf: (worker) => (worker === "rig.0" ? "GPU-0" : undefined),
    ownerOf: (login) => (login === "rig.0" ? login : undefined),
  };
  const dialect = dialects[script.dialect];
  const miner = new MinerSide(effects, { dialect, algorithm: script.algorithm, clock });
  const side = miner.open(toPool({ url: "stratum+tcp://a:1", user: "w", password: "p" }), poolEffects);
  for (const line of script.login) miner.onLine(Buffer.from(line));
  const job = jobId(script, "j1");
  const welcome = script.welcome("0a0a", job);
  for (const line of welcome) side.onLine(Buffer.from(line));
  const minerLines = [...script.login, script.submit(10, job)];
  const poolLines = [...welcome, script.job(job), script.accept(10), script.refuse(10, "no")];
  return { state, miner, side, minerLines, poolLines };
}

/** Feeds `count` spoiled lines to sessions of every dialect, from both sides; throws what any of them throws. */
export function playHostile(count: number, seed: number) {
  const random = createRandom(seed);
  const clock = new ManualClock();
  const ends = dialectScripts.map((script) => open(script, clock));
  const started = performance.now();
  const collect = openCollector();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i++) {
    const which = i % ends.length;
    const script = dialectScripts[which];
    let end = ends[which];
    if (!script || !end) continue;
    if (end.state.dropped) {
      end = open(script, clock);
      ends[which] = end;
    }
    const lines = i % 2 === 0 ? end.minerLines : end.poolLines;
    const line = spoil(lines[random(lines.length)] ?? "", random);
    if (i % 2 === 0) end.miner.onLine(line);
    else end.side.onLine(line);
  }
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  return { lines: count, seconds, grownMiB: Math.round(grown / 2 ** 20) };
}
