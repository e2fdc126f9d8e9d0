import { minutes } from "../../src/units/time.ts";
import { occupancy, type Vram } from "../support/fake-processes.ts";
import type { FakeWorkDriver } from "../support/fake-work-driver.ts";
import { GPU_A } from "../support/ledger-rows.ts";
import { OpenedNvml } from "../support/nvml/opened.ts";
import type { RigBench } from "../unit/rig/bench.ts";

/**
 * Puts the C stand-in of NVML, through the product's own binding, under a rig: its processes and its memory are those of
 * the rig's work at the moment of each reading, its time is the rig's clock.
 */
export async function readFromNvml({ source, clock, driver }: RigBench, vram: Vram): Promise<OpenedNvml> {
  const nvml = await OpenedNvml.open([...linesOf(vram, driver)], {
    parts: { clock: clock.aside(), hangAfter: minutes(60) },
  });
  const underWay = new Set<Promise<unknown>>();
  const advance = clock.advance.bind(clock);
  // The driver's thread takes the machine's time, in which the rig's must stand still.
  clock.advance = async (length) => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
    await advance(length);
  };
  let said = "";
  source.read = (uuid, signal) => {
    const lines = linesOf(vram, driver);
    if (lines.join() !== said) nvml.standIn.says(...lines);
    said = lines.join();
    nvml.standIn.at(clock.monotonic());
    source.reads++;
    const reading = nvml.source.read(uuid, signal).finally(() => underWay.delete(reading));
    underWay.add(reading);
    return reading;
  };
  return nvml;
}

function linesOf(vram: Vram, driver: FakeWorkDriver): readonly string[] {
  const { processes = [], vramUsedMiB = 0 } = occupancy(vram, driver, false);
  return [
    `gpu 0 uuid ${GPU_A}`,
    `gpu 0 vram ${vram.total}`,
    `gpu 0 used ${vramUsedMiB}`,
    "gpu 0 pulse 700 140 160 0.5",
    "gpu 0 utilization 0",
    ...processes.map(({ pid, usedMiB }) => `gpu 0 process ${pid} ${usedMiB ?? 0}`),
  ];
}
