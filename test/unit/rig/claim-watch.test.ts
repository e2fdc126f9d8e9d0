import { expect, test } from "vitest";
import type { GpuInfo } from "../../../src/gpu/source.ts";
import { createLogger, silentLogger } from "../../../src/lib/logger.ts";
import { watchClaims } from "../../../src/rig/claim-watch.ts";
import type { Claim } from "../../../src/rig/guest-watch.ts";
import { unixMs } from "../../../src/units/time.ts";
import type { GpuClaim } from "../../../src/workloads/driver.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/until.ts";

const GPUS: readonly GpuInfo[] = [0, 1].map((index) => ({ uuid: `GPU-0000000${index}-aaaa`, index, name: "card" }));

/** Which GPUs, by index, each answer of the Engine's gives to whom. */
async function watch(answers: readonly (GpuClaim["gpus"] | Error)[]): Promise<readonly string[]> {
  const clock = new ManualClock();
  const told: string[] = [];
  const stop = new AbortController();
  const left = [...answers];
  const gpuClaims = (): Promise<readonly GpuClaim[]> => {
    const gpus = left.shift() ?? [];
    return gpus instanceof Error ? Promise.reject(gpus) : Promise.resolve([{ container: "c", name: "theirs", gpus }]);
  };
  const onClaims = ({ index }: GpuInfo, found: readonly Claim[]) =>
    told.push(`${index}:${found.map(({ name }) => name).join()}`);
  const logger = createLogger("error", () => {});
  const done = watchClaims({ driver: { gpuClaims }, gpus: GPUS, clock, logger, onClaims }, stop.signal);
  for (let round = 1; round < answers.length; round++) {
    await until(() => clock.waiting > 0);
    await clock.advance(3000);
  }
  await until(() => clock.waiting > 0);
  stop.abort();
  await done;
  return told;
}

const claims = [
  ["all", "all", ["0:theirs", "1:theirs"]],
  ["an index", ["1"], ["0:", "1:theirs"]],
  ["a slice of an index", ["1:0"], ["0:", "1:theirs"]],
  ["a UUID", ["GPU-00000000-aaaa"], ["0:theirs", "1:"]],
  ["the beginning of a UUID", ["GPU-00000001"], ["0:", "1:theirs"]],
  ["too little of a UUID", ["GPU-0"], ["0:", "1:"]],
  ["a GPU of another machine", ["GPU-ffffffff-aaaa"], ["0:", "1:"]],
] as const;
for (const [title, gpus, expected] of claims)
  test(`a claim finds its GPUs: ${title}`, async () => {
    expect(await watch([gpus])).toEqual(expected);
  });

test("an Engine that is away changes nothing; its next answer counts", async () => {
  expect(await watch(["all", new Error("away"), []])).toEqual(["0:theirs", "1:theirs", "0:", "1:"]);
});

test("a driver without containers is not asked", async () => {
  const parts = { driver: {}, gpus: GPUS, clock: new ManualClock(), logger: createLogger("error", () => {}) };
  await expect(watchClaims({ ...parts, onClaims: () => {} }, new AbortController().signal)).resolves.toBeUndefined();
});

test("a claim tells whether it is for every GPU, and how long its container has run", async () => {
  const clock = new ManualClock();
  const heard: Claim[] = [];
  const stop = new AbortController();
  const startedAt = unixMs(clock.now() - 60_000);
  const all = { container: "a", name: "all", gpus: "all", startedAt } as const;
  const future = { container: "b", name: "one", gpus: ["0"], startedAt: unixMs(clock.now() + 5) } as const;
  const driver = {
    gpuClaims: () => Promise.resolve([all, future, { container: "c", name: "old", gpus: "all" } as const]),
  };
  const onClaims = (_gpu: GpuInfo, found: readonly Claim[]) => void heard.push(...found);
  const done = watchClaims({ driver, gpus: GPUS.slice(0, 1), clock, logger: silentLogger, onClaims }, stop.signal);
  await until(() => clock.waiting > 0);
  stop.abort();
  await done;
  expect(heard).toEqual([
    { container: "a", name: "all", isForAll: true, age: 60_000 },
    { container: "b", name: "one", isForAll: false, age: 0 },
    { container: "c", name: "old", isForAll: true },
  ]);
});
