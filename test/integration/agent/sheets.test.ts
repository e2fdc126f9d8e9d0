import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLedger, openLedgerReadOnly } from "../../../src/ledger/open.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { watts } from "../../../src/units/energy.ts";
import { hashCredit, usdPerTerahash } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { AgentProcess, eventually, rigYaml, runRigshift } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const GPU: GpuUuid = "SIM-00000000-0000-0000-0000-000000000000";
const never = new AbortController().signal;
const PRICE = { acoin: 20, bcoin: 5, bcoinLater: 2000 };

const market = (bcoin: number): string =>
  JSON.stringify({
    version: 1,
    source: "test",
    asOf: "2026-01-01T00:00:00Z",
    invented: true,
    coins: [
      { coin: "acoin", algorithm: "sha256d", usdPerTerahash: PRICE.acoin },
      { coin: "bcoin", algorithm: "sha256d", usdPerTerahash: bcoin },
    ],
  });

const SHEETS = `{ sheets: [
  { name: alpha, coin: acoin, algorithm: sha256d, pools: [{ url: devpool, user: a }], threads: 1 },
  { name: beta, coin: bcoin, algorithm: sha256d, pools: [{ url: devpool, user: b }], threads: 1 } ] }`;
const YAML = rigYaml({
  gpus: "{ source: simulated, script: gpus.txt }",
  market: "{ file: market.json }",
  mining: SHEETS,
  inference: "{ enabled: false }",
});

/** As if both had been benchmarked: what was never measured is never chosen. */
function measureBefore(dataDir: string): void {
  const ledger = openLedger(dataDir, { clock: systemClock, logger: silentLogger });
  for (const label of ["alpha", "beta"])
    ledger.benchmarks.upsert({
      gpu: GPU,
      label,
      rate: 500_000,
      unit: "H/s",
      power: watts(100),
      samples: 9,
      at: systemClock.now(),
    });
  ledger.close();
}

test("two flight sheets: a price that rises moves the GPU, and every share is booked to its own coin and pool", {
  timeout: 150_000,
}, async () => {
  using directory = new TemporaryDirectory();
  directory.write("gpus.txt", "gpu 0 power 100\n");
  const file = directory.write("market.json", market(PRICE.bcoin));
  measureBefore(join(directory.path, "data"));
  await using agent = new AgentProcess(directory, YAML);
  const client = await agent.listening();
  const gpuOf = async () => (await client.rig(never)).gpus[0];
  await eventually(async () => (await client.rig(never)).today.sharesAccepted >= 2);
  expect(await gpuOf()).toMatchObject({ workload: "hashing", workName: "alpha" });
  const before = await client.rig(never);
  expect(before.coinPrices).toMatchObject([
    { sheet: "alpha", coin: "acoin", usdPerTerahash: PRICE.acoin },
    { sheet: "beta", coin: "bcoin", usdPerTerahash: PRICE.bcoin },
  ]);
  // The pool that nobody mines at is left in peace.
  expect(before.pools.map(({ sheet, state, reason }) => [sheet, state, reason])).toEqual([
    ["alpha", "connected", null],
    ["beta", "connecting", "no miner is connected"],
  ]);
  expect((await client.valuations(never)).map(({ workName, chosen }) => [workName, chosen])).toEqual([
    ["alpha", true],
    ["beta", false],
    [null, false],
  ]);

  writeFileSync(file, market(PRICE.bcoinLater));
  await eventually(async () => (await gpuOf())?.workName === "beta" && (await gpuOf())?.state === "open");
  const [trip] = await client.transitions(1, never);
  expect(trip).toMatchObject({
    from: "hashing",
    fromName: "alpha",
    to: "hashing",
    toName: "beta",
    outcome: "completed",
  });
  const accepted = (await client.rig(never)).today.sharesAccepted;
  await eventually(async () => (await client.rig(never)).today.sharesAccepted >= accepted + 2);
  const why = await runRigshift(["status", "--why", GPU, "--data-dir", agent.dataDir]);
  expect(why.stdout).toContain("hashing beta");
  await agent.kill("SIGTERM");

  const ledger = openLedgerReadOnly(agent.dataDir);
  const jobs = ledger.jobs.listJobs({ limit: 9 }).toReversed();
  expect(jobs.map(({ workload, sheet, outcome }) => [workload, sheet, outcome])).toEqual([
    ["acoin", "alpha", "completed"],
    ["bcoin", "beta", "completed"],
  ]);
  expect(ledger.shares.sumsSince(unixMs(0)).map(({ sheet, coin }) => [sheet, coin])).toEqual([
    ["alpha", "acoin"],
    ["beta", "bcoin"],
  ]);
  for (const [job, price] of [
    [jobs[0], PRICE.acoin],
    [jobs[1], PRICE.bcoinLater],
  ] as const) {
    const shares = ledger.shares.acceptedSince(GPU, unixMs(0), [job?.id ?? ""]);
    expect(shares).toHaveLength(job?.sharesAccepted ?? -1);
    expect(shares.length).toBeGreaterThanOrEqual(2);
    // To the nano-USD.
    const worth = shares.map(({ expectedHashes }) => hashCredit(expectedHashes, usdPerTerahash(price)));
    expect(job?.revenue).toBe(worth.reduce((sum, one) => sum + one, 0));
  }
  expect([...ledger.energy.verifyConservation(), ...ledger.energy.contradictions()]).toEqual([]);
  ledger.close();
});
