import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { probePool } from "../../../src/mining/stratum/probe.ts";
import { selfSigned } from "../../support/certificate.ts";
import { DialectPool } from "../../support/dialect-pool.ts";
import { dialectScripts } from "../../support/dialect-scripts.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";
import { ScriptedPool } from "../../support/scripted-pool.ts";

const [script] = dialectScripts;
if (!script) throw new Error("no script");
const certificate = selfSigned("localhost");

let backup: ScriptedPool;
let pools: DialectPool[] = [];
beforeEach(async () => {
  backup = await ScriptedPool.start({ extranonces: ["bbbb"] });
});
afterEach(async () => {
  await Promise.all([backup, ...pools].map((pool) => pool.close()));
  pools = [];
});

async function startSecure(tls: { readonly cert: string; readonly key: string } = certificate): Promise<DialectPool> {
  const welcome = script?.welcome("0a0a", "j1") ?? [];
  const pool = await DialectPool.start({
    loginLines: 3,
    welcome,
    answer: (line) => script?.accept(JSON.parse(line).id),
    tls,
  });
  pools.push(pool);
  return pool;
}

const target = (pool: { readonly url: string }, tlsPin?: string) => ({
  url: pool.url,
  user: "wallet.a",
  password: "secret",
  ...(tlsPin !== undefined && { tlsPin }),
});

describe("a pool over TLS", () => {
  test("that holds the pinned key serves, whoever signed its certificate", async () => {
    const pool = await startSecure();
    await using bench = await ProxyBench.start([], { pools: [target(pool, certificate.pin)] });
    const miner = await bench.miner();
    expect(miner.lines).toEqual(script?.welcome("0a0a", "j1"));
    expect(bench.proxy.state()).toMatchObject({ state: "connected", url: pool.url });
  });

  const refused = [
    ["with another key than the pinned one", "0".repeat(64)],
    ["with a certificate that nobody vouches for", undefined],
  ] as const;
  for (const [what, pin] of refused)
    test(`${what} is passed over without hearing a word`, async () => {
      const pool = await startSecure();
      await using bench = await ProxyBench.start([], { pools: [target(pool, pin), target(backup)] });
      const miner = await bench.miner();
      expect((await miner.answer(1)).result).toMatchObject({ 1: "bbbb" });
      expect(bench.states.some(({ reason }) => reason?.includes(certificate.pin))).toBe(true);
      expect(pool.lines).toEqual([]);
    });

  test("serves without a pin when its certificate is trusted, but not under another's name", async () => {
    const known = getCACertificates("default");
    const other = selfSigned("pool.example.org");
    setDefaultCACertificates([...known, certificate.cert, other.cert]);
    try {
      const signal = new AbortController().signal;
      const probe = (pool: DialectPool) => probePool(target(pool), "rig-0", { clock: systemClock, signal });
      expect(await probe(await startSecureLogin(certificate))).toMatchObject({ ok: true, tlsPin: certificate.pin });
      expect(await probe(await startSecureLogin(other))).toMatchObject({
        ok: false,
        tlsPin: other.pin,
        reason: expect.stringMatching(/not trusted/),
      });
    } finally {
      setDefaultCACertificates(known);
    }
  });

  test("that does not speak TLS at all is passed over", async () => {
    const plain = await DialectPool.start({ loginLines: 9, welcome: [], answer: () => undefined });
    pools.push(plain);
    const url = plain.url.replace("stratum+tcp", "stratum+ssl");
    const result = await probePool(target({ url }), "rig-0", { clock: systemClock, signal: AbortSignal.timeout(3000) });
    expect(result).toMatchObject({ ok: false });
    expect(result).not.toHaveProperty("connectMs");
  });
});

/** The probe logs in with two lines. */
async function startSecureLogin(tls: { readonly cert: string; readonly key: string }): Promise<DialectPool> {
  const welcome = (script?.welcome("0a0a", "j1") ?? []).filter((line) => !line.includes('"id":3'));
  const pool = await DialectPool.start({ loginLines: 2, welcome, answer: () => undefined, tls });
  pools.push(pool);
  return pool;
}
