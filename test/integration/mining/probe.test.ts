import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { probePool } from "../../../src/mining/stratum/probe.ts";
import { DialectPool } from "../../support/dialect-pool.ts";
import { type DialectScript, dialectScripts, jobId } from "../../support/dialect-scripts.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const NEVER = new AbortController().signal;

/** The ids of the probe's own requests in place of the script's miner's. */
const IDS: Partial<Record<DialectScript["dialect"], Readonly<Record<number, number>>>> = {
  "eth-proxy": { 1: 2, 5: 3 },
  cryptonote: { 1: 2 },
};

function renumbered(line: string, { dialect }: DialectScript): string {
  const id = /^\{"id":(\d+)/.exec(line)?.[1];
  const other = id === undefined ? undefined : IDS[dialect]?.[Number(id)];
  return other === undefined ? line : line.replace(/^\{"id":\d+/, `{"id":${other}`);
}

const startPool = (script: DialectScript, welcome = script.welcome("0a0a", jobId(script, "j1"))) =>
  DialectPool.start({
    loginLines: script.dialect === "cryptonote" ? 1 : 2,
    welcome: welcome.map((line) => renumbered(line, script)),
    answer: () => undefined,
  });

const targetOf = ({ algorithm, dialect }: DialectScript, { url }: DialectPool) => ({
  ...{ url, algorithm, dialect, user: "wallet.{gpu}", password: "secret" },
});

for (const script of dialectScripts)
  describe(`a look at a pool in ${script.dialect}`, () => {
    test("logs in as the worker, tells how long each step took, and leaves", async () => {
      const pool = await startPool(script);
      const probe = await probePool(targetOf(script, pool), "rig-7", { clock: systemClock, signal: NEVER });
      const took = expect.any(Number);
      expect(probe).toMatchObject({ ok: true, connectMs: took, authorizeMs: took, firstJobMs: took });
      expect(probe.difficulty).toBeCloseTo(script.difficulty, 2);
      expect(probe.firstJobMs ?? 0).toBeGreaterThanOrEqual(probe.connectMs ?? Number.POSITIVE_INFINITY);
      const login = pool.lines.join("\n");
      expect(login).toContain("secret");
      expect(login).toContain("wallet.7");
      await pool.close();
    });

    test("says that no work came, after ten seconds", async () => {
      const clock = new ManualClock();
      const pool = await startPool(script, []);
      const probing = probePool(targetOf(script, pool), "rig-7", { clock, signal: NEVER });
      while (pool.lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(10_000);
      expect(await probing).toMatchObject({ ok: false, reason: "no work within 10 s" });
      await pool.close();
    });
  });

test("a look that is called off ends at once", async () => {
  const [script] = dialectScripts;
  if (!script) throw new Error("no script");
  const pool = await startPool(script, []);
  const stop = new AbortController();
  const probing = probePool(targetOf(script, pool), "rig-7", { clock: systemClock, signal: stop.signal });
  stop.abort();
  expect(await probing).toMatchObject({ ok: false });
  await pool.close();
});
