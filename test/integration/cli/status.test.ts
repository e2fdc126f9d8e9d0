import { expect, test } from "vitest";
import type { RigView } from "../../../src/api/shapes.ts";
import { fakeGpu, fakeRig, START_MS } from "../../support/fake-rig-port.ts";
import { answers, place } from "./harness.ts";

async function show(command: "status" | "profit", changes: Partial<RigView> = {}): Promise<string> {
  await using there = await place(answers(fakeRig(changes)));
  return (await there.run(command)).out;
}

test("every flight sheet's price is told with who says so, once there are several", async () => {
  const asOfMs = Date.UTC(2026, 7, 2);
  const price = (sheet: string, coin: string, source: string, usdPerTerahash: number | null) => {
    return { sheet, coin, source, asOfMs, invented: false, usdPerTerahash };
  };
  const first = price("etc", "etc", "a pool (2 of 2 believed)", 0.000_012_5);
  expect(await show("status", { coinPrices: [first] })).not.toContain("a pool");
  const coinPrices = [first, price("etc-loyal", "etc", "a file", 0.00001), price("etc-loyal", "alph", "a file", null)];
  const told = [
    "etc 0.0000125 USD/TH (a pool (2 of 2 believed), 2026-08-02)",
    "etc by etc-loyal 0.00001 USD/TH (a file, 2026-08-02)",
    "alph by etc-loyal unknown (a file, 2026-08-02)",
  ];
  const status = await show("status", { coinPrices });
  for (const line of told) expect(status).toContain(`price   ${line}\n`);
  expect(await show("profit", { coinPrices })).toContain(told.join("\n        "));
});

test("invented prices are called so beside every sum, in the try-out and outside it", async () => {
  for (const tryOut of [true, false]) {
    const status = await show("status", {
      tryOut,
      mode: "observe",
      today: { ...fakeRig().today, wouldHaveEarnedUsd: 1 },
    });
    expect(status).toMatch(/net \$0\.0184 \(invented prices\)/);
    expect(status).toMatch(/would have earned \$1\.00 \(invented prices\)/);
    expect(status).toContain("NET/H (INVENTED)");
    expect(await show("profit", { tryOut })).toMatch(/^prices: .*invented/);
  }
});

test("quoted prices are not", async () => {
  const market = { ...fakeRig().market, invented: false };
  expect(await show("status", { market })).not.toMatch(/invented/i);
  expect(await show("profit", { market })).toMatch(/^prices: sample market file, 2026-08-01\n/);
});

test("the mode stands with its end, and each GPU's own order below it", async () => {
  const gpus = [fakeGpu({ mode: "pause", modeUntilMs: START_MS + 60_000 })];
  const status = await show("status", { modeUntilMs: START_MS + 3_600_000, gpus });
  expect(status).toContain("mode auto until 2026-09-14 11:40:00 UTC");
  expect(status).toMatch(/^mode {4}GPU 0 CPU-\S+: pause until 2026-09-14 10:41:00 UTC$/m);
});

test("the try-out says once that it is one, and a limit's end is in UTC", async () => {
  const [head] = (await show("status", { rig: "try-out", tryOut: true })).split("\n");
  expect(head?.match(/try-out/g)).toHaveLength(1);
  expect(await show("status", { rig: "hut", tryOut: true })).toMatch(/^hut .*, try-out$/m);
  const curtail = { maxW: 400, untilMs: START_MS + 3_600_000, restW: null };
  expect(await show("status", { curtail })).toMatch(/^curtail at most 400\.0 W until 2026-09-14 11:40:00 UTC$/m);
});

test("one is singular, difficulties have three digits, and a GPU without work rests", async () => {
  const { today, pool } = fakeRig();
  const status = await show("status", {
    today: { ...today, sharesAccepted: 1, completions: 1, tokensOut: 1 },
    pool: pool && { ...pool, difficulty: 0.013_978_123 },
    gpus: [fakeGpu({ workload: "none", state: "idle" })],
  });
  expect(status).toMatch(/1 share \(3 refused\), 1 completion, 1 token$/m);
  expect(status).toMatch(/difficulty 0\.0140$/m);
  expect(status).toMatch(/ rest +idle /);
});

test("a pool and an engine that no GPU needs now do not read as faults", async () => {
  const { pool, engine } = fakeRig();
  const status = await show("status", {
    gpus: [fakeGpu({ workload: "external", state: "rented" })],
    pool: pool && { ...pool, url: "devpool", state: "connecting", reason: "no miner is connected" },
    engine: engine && { ...engine, state: "stopped", backend: null, model: "smollm", label: null },
  });
  expect(status).toMatch(/^pool {4}not needed now, devpool$/m);
  expect(status).toMatch(/^engine {2}not needed now, smollm$/m);
});

test("the engine's speed is called learned while no request runs", async () => {
  const serving = { workload: "inference", tokensPerSecond: 41.237 } as const;
  expect(await show("status", { gpus: [fakeGpu({ ...serving, activeRequests: 1 })] })).toMatch(/ 41\.2 tok\/s {2}/);
  expect(await show("status", { gpus: [fakeGpu({ ...serving, activeRequests: 0 })] })).toMatch(/ 41\.2 tok\/s learned/);
  expect(await show("status", { gpus: [fakeGpu({ ...serving, tokensPerSecond: null })] })).not.toContain("learned");
});

test("the engine's speed is told by the number of requests at once, with the energy of a token", async () => {
  const rate = { samples: 9, basis: "watched", measuredMs: START_MS } as const;
  const servedRates = [
    { ...rate, concurrency: 1, tokensPerSecond: 41.237, powerW: null, joulesPerToken: null },
    { ...rate, concurrency: 4, tokensPerSecond: 98, powerW: 196, joulesPerToken: 2 },
  ];
  const out = await show("status", { gpus: [fakeGpu({ servedRates })] });
  expect(out).toContain("inference: 1 at once 41.2 tok/s, 4 at once 98.0 tok/s (2.00 J each)");
});

test("a login that is not the rig's own is told, with what it took", async () => {
  const counts = { sharesAccepted: 1, sharesRejected: 2, sharesUnknown: 0, expectedHashes: 4e9 };
  const foreign = [{ login: "fee.wallet", ...counts, sinceMs: START_MS, lastMs: START_MS }];
  const { pool } = fakeRig();
  const status = await show("status", { pool: pool && { ...pool, foreign } });
  expect(status).toMatch(/^not us {2}fee\.wallet: 1 share \(2 refused\); the miner's fee, or a mistyped login$/m);
});
