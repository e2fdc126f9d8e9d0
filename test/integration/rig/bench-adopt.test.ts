import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watchForeign } from "../../../src/rig/bench-adopt.ts";
import type { LoopParts } from "../../../src/rig/loop-parts.ts";
import type { GpuSnapshot } from "../../../src/rig/snapshot.ts";
import { watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const NEVER = new AbortController().signal;

let server: Server;
let answer: unknown;
beforeEach(async () => {
  server = createServer((_request, response) => response.end(JSON.stringify(answer)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => server.close());

const summary = (...gpus: readonly Record<string, unknown>[]) => ({
  algorithm: "ethash",
  hashrate: gpus.reduce((sum, { hashrate }) => sum + Number(hashrate), 0),
  accepted_count: 1,
  rejected_count: 0,
  gpus,
});

/** Watches T-Rex on a GPU at this PCI address for two seconds. */
async function watch(pciBusId?: string, port = (server.address() as AddressInfo).port) {
  const clock = new ManualClock();
  const look = () => ({ reading: { power: watts(200) } }) as GpuSnapshot;
  const info = { uuid: "GPU-1", index: 0, name: "a card", ...(pciBusId === undefined ? {} : { pciBusId }) };
  const parts = { clock, info, look } as unknown as LoopParts & { readonly look: () => GpuSnapshot };
  const news = watchForeign({ program: "t-rex", port }, { parts, length: seconds(2) }, NEVER);
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

  test("that answers nonsense, or nothing, is told as such", async () => {
    answer = { hashrate: "a lot" };
    await expect(watch()).rejects.toMatchObject({ facts: { code: "ERR_MINER_ANSWER" } });
    server.close();
    server.closeAllConnections();
    await expect(watch(undefined, 1)).rejects.toMatchObject({ facts: { code: "ERR_MINER_API" } });
  });
});
