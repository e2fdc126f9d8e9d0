import { describe, expect, test } from "vitest";
import { dialects } from "../../../../src/mining/stratum/dialects.ts";
import { type DialectScript, dialectScripts, jobId } from "../../../support/dialect-scripts.ts";
import { ToldMiner } from "../../../support/told-miner.ts";
import { type PoolEnd, V1Bench } from "../../../support/v1-bench.ts";

/** What a pool says after a job: twice the difficulty and another extranonce, where the dialect has such lines. */
const later = (script: DialectScript, prefix: string): readonly string[] => [
  ...script.moved(prefix, jobId(script, "x")).filter((line) => line.includes("extranonce")),
  ...script.harder(jobId(script, "x")).slice(0, -1),
];

class Moving {
  readonly bench: V1Bench;
  readonly miner: ToldMiner;
  readonly #script: DialectScript;
  #heard = 0;

  constructor(script: DialectScript) {
    this.#script = script;
    this.bench = new V1Bench(dialects[script.dialect], script.algorithm);
    this.miner = new ToldMiner(dialects[script.dialect], script.login);
    this.bench.says(...script.login);
  }

  /** A connection that has sent a job and, after it, other terms. */
  pool(name: string, prefix: string, job: string): PoolEnd {
    const end = this.bench.open(name);
    end.says(...this.#script.welcome(prefix, jobId(this.#script, job)), ...later(this.#script, "0c0c"));
    this.bench.miner.adopt(end.session);
    return end;
  }

  /** The difficulty that the miner thinks its share has, and the one that is booked for it. */
  shareOf(end: PoolEnd, id: number): { readonly told: number; readonly booked: number } {
    this.listen();
    const { job = "", difficulty = 0 } = this.miner.work ?? {};
    this.bench.says(this.#script.submit(id, job));
    end.says(this.#script.accept(id));
    return { told: difficulty, booked: this.bench.shares.at(-1)?.difficulty ?? 0 };
  }

  listen(): void {
    this.miner.hear(...this.bench.toMiner.slice(this.#heard));
    this.#heard = this.bench.toMiner.length;
  }
}

const situations: readonly (readonly [string, (moving: Moving, script: DialectScript) => PoolEnd, string])[] = [
  [
    "fails over",
    (moving) => {
      moving.pool("a", "0a0a", "j1").session.lost("ECONNRESET");
      return moving.pool("b", "0b0b", "k1");
    },
    "0b0b",
  ],
  [
    "returns to the primary pool",
    (moving) => {
      moving.pool("a", "0a0a", "j1").session.lost("ECONNRESET");
      moving.pool("b", "0b0b", "k1");
      return moving.pool("a", "0d0d", "j7");
    },
    "0d0d",
  ],
  [
    "reads again after it stood still",
    (moving, script) => {
      const end = moving.bench.open("a");
      end.says(...script.welcome("0a0a", jobId(script, "j1")));
      moving.bench.miner.holdBack();
      end.says(script.job(jobId(script, "j2")), ...later(script, "0c0c"));
      moving.bench.miner.catchUp();
      return end;
    },
    "0a0a",
  ],
];

for (const script of dialectScripts)
  describe(`${script.dialect}: a miner`, () => {
    const hasTerms = later(script, "0c0c").length > 0;
    for (const [what, act, prefix] of situations)
      test(`that ${what} works for each job under the terms that are booked for it, whatever was said after it`, () => {
        const moving = new Moving(script);
        const end = act(moving, script);
        const now = moving.shareOf(end, 50);
        expect(now.booked).toBeCloseTo(script.difficulty, 1);
        expect(now.told).toBe(now.booked);
        expect(moving.miner.work?.extranonce1).toBe(hasTerms ? prefix : undefined);
        end.says(script.job(jobId(script, "j8")));
        const next = moving.shareOf(end, 51);
        expect(next.told).toBe(next.booked);
        expect(moving.miner.work?.extranonce1).toBe(hasTerms ? "0c0c" : undefined);
        expect(moving.bench.dropped).toBeUndefined();
      });
  });

for (const script of dialectScripts.filter(({ dialect }) => !["eth-proxy", "cryptonote"].includes(dialect)))
  test(`${script.dialect}: a miner is told the least difficulty where its new pool said none before the job`, () => {
    const moving = new Moving(script);
    moving.pool("a", "0a0a", "j1").session.lost("ECONNRESET");
    const b = moving.bench.open("b");
    const isDifficulty = (line: string) => /mining.set_(difficulty|target)/.test(line);
    // KawPow's job brings its own target as a rule; here it is empty.
    const welcome = script
      .welcome("0b0b", jobId(script, "k1"))
      .map((line) => line.replace(/"0{8}f{56}",true/, '"",true'));
    b.says(...welcome.filter((line) => !isDifficulty(line)), ...welcome.filter(isDifficulty));
    moving.bench.miner.adopt(b.session);
    const { told, booked } = moving.shareOf(b, 50);
    expect(booked).toBe(1);
    expect(told).toBeCloseTo(1, 9);
  });
