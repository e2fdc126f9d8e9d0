import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { hashCredit, usdPerTerahash } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { AgentProcess, eventually, rigYaml, runRigshift } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const GPU: GpuUuid = "SIM-00000000-0000-0000-0000-000000000000";
const PROGRAM = join(import.meta.dirname, "../../support/children/stand-in-dual.ts");
const never = new AbortController().signal;
const PRICES = { acoin: 20, bcoin: 7 };

const market = JSON.stringify({
  version: 1,
  source: "test",
  asOf: "2026-01-01T00:00:00Z",
  invented: true,
  coins: Object.entries(PRICES).map(([coin, price]) => ({ coin, algorithm: "sha256d", usdPerTerahash: price })),
});

const mining = (file: string): string => `{
  coin: acoin, algorithm: sha256d, pools: [{ url: devpool, user: a }],
  dual: { coin: bcoin, algorithm: sha256d, pools: [{ url: devpool, user: b }] },
  miner: { program: generic, file: ${file}, generic: {
    args: [--pool, "{pool}", --user, "{user}", --pool, "{pool2}", --user, "{user2}", --api, "{apiPort}"],
    path: /, hashrate: /rates/0, hashrate2: /rates/1 } } }`;

test("two coins hashed at once: both pools accept, one job earns the sum, and both rates are told", {
  timeout: 120_000,
}, async () => {
  using directory = new TemporaryDirectory();
  directory.write("gpus.txt", "gpu 0 power 100\n");
  directory.write("market.json", market);
  const file = directory.write("dual", `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(file, 0o755);
  const yaml = rigYaml({
    gpus: "{ source: simulated, script: gpus.txt }",
    market: "{ file: market.json }",
    mining: mining(file),
    inference: "{ enabled: false }",
  });
  await using agent = new AgentProcess(directory, yaml);
  const client = await agent.listening();
  const seen = await eventually(async () => {
    const rig = await client.rig(never);
    const [gpu] = rig.gpus;
    const isTold = (gpu?.hashrateReportedHps ?? 0) > 0 && (gpu?.dualHashrateReportedHps ?? 0) > 0;
    return isTold && gpu?.netUsdPerHour != null && rig.today.sharesAccepted >= 6 && rig;
  });
  expect(seen.pools.map(({ sheet, state }) => [sheet, state])).toEqual([
    ["acoin", "connected"],
    ["acoin+bcoin", "connected"],
  ]);
  const [valued] = await client.valuations(never);
  expect(valued?.why).toMatch(/^acoin at .* and bcoin at .* pay /);
  expect(valued).toMatchObject({ priceSource: "test", dualPrice: { coin: "bcoin", source: "test" } });
  const profit = await runRigshift(["profit", "--data-dir", agent.dataDir]);
  expect(profit.stdout.replaceAll(/\s+/g, " ")).toMatch(/price from test, .* old.*; that of bcoin from test, .* old/);
  const status = await runRigshift(["status", "--data-dir", agent.dataDir]);
  expect(status.stdout).toMatch(/H\/s (reported|effective) \+ .*H\/s (reported|effective)/);
  const shares = () => {
    const ledger = openLedgerReadOnly(agent.dataDir);
    using _ = { [Symbol.dispose]: () => ledger.close() };
    const [job] = ledger.jobs.listJobs({ limit: 9 });
    const of = (coin: string) => ledger.shares.acceptedSince(GPU, unixMs(0), [job?.id ?? ""], coin);
    return { job, acoin: of("acoin"), bcoin: of("bcoin"), faults: ledger.energy.verifyConservation() };
  };
  await eventually(() => {
    const { acoin, bcoin } = shares();
    return acoin.length >= 2 && bcoin.length >= 2;
  });
  await agent.kill("SIGTERM");

  const { job, acoin, bcoin, faults } = shares();
  expect(faults).toEqual([]);
  expect([job?.workload, job?.outcome]).toEqual(["acoin+bcoin", "completed"]);
  expect(acoin.length + bcoin.length).toBe(job?.sharesAccepted);
  // To the nano-USD.
  const worth = (of: typeof acoin, price: number) =>
    of.reduce((sum, { expectedHashes }) => sum + hashCredit(expectedHashes, usdPerTerahash(price)), 0);
  expect(job?.revenue).toBe(worth(acoin, PRICES.acoin) + worth(bcoin, PRICES.bcoin));
});
