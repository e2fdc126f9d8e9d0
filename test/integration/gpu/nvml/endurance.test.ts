import { expect } from "vitest";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";

const READS = 100_000;
const AT_ONCE = 8;

testWith(compiler, "memory stays flat over 100,000 reads", async () => {
  const lines = Array.from({ length: AT_ONCE }, (_, gpu) => [`gpu ${gpu} power 100`, `gpu ${gpu} process 7 9`]).flat();
  await using nvml = await OpenedNvml.open(lines);
  const readAll = () => Promise.all(nvml.infos.map(({ index }) => nvml.read(index)));
  const readMany = async (reads: number) => {
    for (let read = 0; read < reads; read += AT_ONCE) await readAll();
  };
  // Heaps grow to their usual size first.
  await readMany(READS / 4);
  const before = process.memoryUsage.rss();
  await readMany(READS);
  expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(24);
});
