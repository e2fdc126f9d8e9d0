import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Adoption, type ForeignMiner, watchForeign } from "../../../src/rig/bench-adopt.ts";
import type { LoopParts } from "../../../src/rig/loop-parts.ts";
import type { GpuSnapshot } from "../../../src/rig/snapshot.ts";
import { watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { COIN } from "../../unit/rig/bench-facts.ts";

const NEVER = new AbortController().signal;

let server: Server;
let answer: unknown;
beforeEach(async () => {
  server = createServer((_request, response) => response.end(JSON.stringify(answer)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => server.close());

const SHEET = { name: "etc", coin: { ...COIN, coin: "etc", algorithm: "etchash" } };

const summary = (...gpus: readonly Record<string, unknown>[]) => ({
  algorithm: "etchash",
  hashrate: gpus.reduce((sum, { hashrate }) => sum + Number(hashrate), 0),
  accepted_count: 1,
  rejected_count: 0,
  gpus,
});

/** Watches a miner on a GPU at this PCI address for two seconds. */
async function watch(pciBusId?: string, port = portOf(), { program = "t-rex", ...changes }: Changes = {}) {
  const clock = new ManualClock();
  const look = () => ({ reading: { power: watts(200) } }) as GpuSnapshot;
  const info = { uuid: "GPU-1", index: 0, name: "a card", ...(pciBusId === undefined ? {} : { pciBusId }) };
  const parts = { clock, info, look } as unknown as LoopParts & { readonly look: () => GpuSnapshot };
  const news = watchForeign(
    { program, port },
    { parts, length: seconds(2), sheet: SHEET, trustsUntold: false, ...changes },
    NEVER,
  );
  for (;;) {
    const next = news.next();
    while (clock.waiting === 0 && !(await Promise.race([next.then(() => true), soon()]))) {
      // The miner answers over a real socket.
    }
    await clock.advance(1000);
    const { done, value } = await next;
    if (done) return value;
  }
}

type Changes = Partial<Adoption> & { readonly program?: ForeignMiner["program"] };

const portOf = () => (server.address() as AddressInfo).port;

const soon = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)));

describe("a miner that is not ours", () => {
  test("tells what it does on its one GPU", async () => {
    answer = summary({ gpu_id: 0, hashrate: 61e6 });
    expect(await watch()).toMatchObject({ rate: 61e6, power: 200, samples: expect.any(Number) });
  });

  test("tells what it does on this GPU among several, by the PCI bus", async () => {
    answer = summary({ gpu_id: 0, hashrate: 61e6, pci_bus: 1 }, { gpu_id: 1, hashrate: 99e6, pci_bus: 193 });
    expect(await watch("00000000:C1:00.0")).toMatchObject({ rate: 99e6 });
  });

  test.each([
    [
      "that works on several GPUs and does not say which is this one",
      [
        { gpu_id: 0, hashrate: 1 },
        { gpu_id: 1, hashrate: 2 },
      ],
    ],
    ["that does not hash", [{ gpu_id: 0, hashrate: 0 }]],
  ])("%s is no measure", async (_, gpus) => {
    answer = summary(...gpus);
    await expect(watch("00000000:C1:00.0")).rejects.toMatchObject({ facts: { code: "ERR_BENCH_NO_RATE" } });
  });

  test("that nobody answers for is told with its port and what would answer there", async () => {
    const port = portOf();
    await new Promise((resolve) => server.close(resolve));
    await expect(watch(undefined, port)).rejects.toMatchObject({
      message: expect.stringMatching(/does not answer \(connect ECONNREFUSED/),
      facts: {
        code: "ERR_MINER_API",
        mend: expect.stringContaining(`start t-rex with its API on 127.0.0.1:${port}, or`),
      },
    });
  });

  test("that hashes something else is refused, with both named", async () => {
    answer = { ...summary({ gpu_id: 0, hashrate: 61e6 }), algorithm: "kawpow" };
    await expect(watch()).rejects.toThrow("the miner hashes kawpow, and flight sheet etc is of etchash");
    expect(await watch(undefined, portOf(), { sheet: { ...SHEET, minerAlgorithm: "KawPow" } })).toMatchObject({
      rate: 61e6,
    });
  });

  const gminer = (changes: Record<string, unknown>) => ({
    devices: [{ gpu_id: 0, bus_id: "0000:01:00.0", speed: 5e6, speed2: 61e6 }],
    ...changes,
  });
  test("that hashes two coins is measured by the one of the flight sheet", async () => {
    answer = gminer({ algorithm: "kheavyhash", algorithm2: "Etchash" });
    const rate = await watch(undefined, portOf(), { program: "gminer" });
    expect(rate).toMatchObject({ rate: 61e6 });
    expect(rate).not.toHaveProperty("note");
  });

  test("that does not say what it hashes is noted, and trusted only where the operator says so", async () => {
    answer = gminer({});
    const untold = { rate: 5e6, note: "gminer does not say what it hashes; with --yes it is taken for etchash" };
    expect(await watch(undefined, portOf(), { program: "gminer" })).toMatchObject(untold);
    expect(await watch(undefined, portOf(), { program: "gminer", trustsUntold: true })).not.toHaveProperty("note");
  });

  test("that answers nonsense, or nothing, is told as such", async () => {
    answer = { hashrate: "a lot" };
    await expect(watch()).rejects.toMatchObject({ facts: { code: "ERR_MINER_ANSWER" } });
    server.close();
    server.closeAllConnections();
    await expect(watch(undefined, 1)).rejects.toMatchObject({ facts: { code: "ERR_MINER_API" } });
  });
});
