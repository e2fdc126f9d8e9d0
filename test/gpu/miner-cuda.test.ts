import { existsSync } from "node:fs";
import { beforeAll, describe, expect, vi } from "vitest";
import { openNvml } from "../../src/gpu/nvml/source.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { readMiner } from "../../src/mining/miners/api.ts";
import { cuda } from "../../src/mining/miners/cuda.ts";
import { startDevpool } from "../../src/mining/reference/devpool.ts";
import { pauseMiner } from "../../src/mining/reference/miner-api.ts";
import { seconds } from "../../src/units/time.ts";
import { buildCudaMiner, CudaMiner, NVCC } from "../support/cuda-miner.ts";
import { ProxyBench } from "../support/proxy-bench.ts";
import { type Requirement, testWith } from "../support/requirement.ts";

const { signal } = new AbortController();
const MEASURED = seconds(20);

const gpuAndCompiler: Requirement = {
  name: "an NVIDIA GPU with its driver, and nvcc",
  mend: `run the suite on a machine that has them; ${NVCC.mend}`,
  expectedInCi: false,
  present: () => NVCC.present() && (existsSync("/dev/nvidiactl") || existsSync("/dev/dxg")),
};

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  if (gpuAndCompiler.present()) await buildCudaMiner();
}, 300_000);

/** CUDA counts GPUs by speed and the driver by bus: the address is what both understand. */
async function withGpu<Result>(use: (address: string) => Promise<Result>) {
  const library = process.env.RIGSHIFT_NVML_LIBRARY;
  const source = await openNvml({ clock: systemClock, ...(library ? { library } : {}) });
  try {
    const [info] = await source.list(signal);
    if (info?.pciBusId === undefined) throw new Error("the driver tells no PCI address");
    const before = await source.read(info.uuid, signal);
    const result = await use(info.pciBusId.replace(/\.0$/, ""));
    return { info, before, result, after: await source.read(info.uuid, signal) };
  } finally {
    await source.close();
  }
}

describe("the CUDA miner on a GPU", () => {
  testWith(gpuAndCompiler, "finds known blocks and every share among many nonces, and nothing else", () =>
    withGpu(async (address) => {
      await using miner = await CudaMiner.run("--selftest", "--device", address);
      expect(await miner.exited, miner.stdout + miner.stderr).toBe(0);
      expect(miner.stdout).toContain('"ok":true');
    }),
  );

  testWith(gpuAndCompiler, "has shares accepted; its hashrate, watts and joules per GH are told", async () => {
    const pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
    await using bench = await ProxyBench.start([pool]);
    const url = `stratum+tcp://127.0.0.1:${bench.proxy.port}`;
    await withGpu(async (address) => {
      await using miner = await CudaMiner.run("--pool", url, "--user", "rig.0", "--device", address);
      await miner.announced();
      await bench.until(({ shares }) => shares.length >= 3);
      for (const share of bench.shares) expect(share).toMatchObject({ verdict: "accepted", verified: true });

      const measured = await withGpu(async () => {
        await systemClock.wait(MEASURED, signal);
        return readMiner(cuda, miner.address, signal);
      });
      const { info, before, after, result } = measured;
      const hashesPerSecond = Number(result.runs[0]?.hashrate);
      expect(hashesPerSecond).toBeGreaterThan(1e8);
      const watts = (Number(after.energy) - Number(before.energy)) / (after.monotonic - before.monotonic);
      const joulesPerGigahash = watts / (hashesPerSecond / 1e9);
      console.log(JSON.stringify({ gpu: info.name, hashesPerSecond, watts, joulesPerGigahash }));
      if (before.energy !== undefined) expect(joulesPerGigahash).toBeGreaterThan(0);

      const started = performance.now();
      await pauseMiner(`http://${miner.address.host}:${miner.address.port}`, signal);
      expect(performance.now() - started, "milliseconds until the GPU rests").toBeLessThan(300);
      miner.child.kill("SIGTERM");
      expect(await miner.exited).toBe(0);
    });
    await pool.close();
  });
});
