import { openNvidiaSmi } from "../../../../src/gpu/nvidia-smi/open.ts";
import type { GpuInfo, GpuReading } from "../../../../src/gpu/source.ts";
import { FakeNvidiaSmi } from "../../../support/fake-nvidia-smi.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** What a test expects of one GPU; null stands for absent, as in the JSON. */
export interface ExpectedGpu {
  readonly uuid: string;
  readonly name: string;
  readonly architecture: string | null;
  readonly bus: string | null;
  readonly power: readonly [watts: number, field: string] | null;
  readonly limit: number | null;
  readonly temperature: number | null;
  readonly fan: number | null;
  readonly utilization: number | null;
  readonly vram: readonly [used: number | null, total: number | null];
  readonly mig: boolean | null;
  /** How many, and the MiB they hold together. */
  readonly processes: readonly [count: number, usedMiB: number | null] | null;
  readonly health: string;
}

export interface Seen {
  readonly driver: string | null;
  readonly gpus: readonly ExpectedGpu[];
}

/** What the source makes of a program that prints `xml` and whose query stays silent; undefined when it sees no GPU. */
export async function replay(xml: string): Promise<Seen | undefined> {
  using program = new FakeNvidiaSmi({ xml: { stdout: xml }, query: { hangs: true, rounds: 0 } });
  const source = await openNvidiaSmi({ clock: new ManualClock() });
  if (source === undefined) return undefined;
  try {
    const { signal } = new AbortController();
    const infos = await source.list(signal);
    const readings = await Promise.all(infos.map(({ uuid }) => source.read(uuid, signal)));
    if (program.xmlStarts().length !== 1) throw new Error("the log was read more than once");
    return {
      driver: source.driverVersion ?? null,
      gpus: infos.map((info, index) => toSeen(info, readings[index])),
    };
  } finally {
    await source.close();
  }
}

function toSeen(info: GpuInfo, reading: GpuReading | undefined): ExpectedGpu {
  if (reading === undefined) throw new Error(`no reading of ${info.uuid}`);
  const { power, powerField, processes } = reading;
  if (reading.energy !== undefined || reading.energyBasis !== undefined) throw new Error("there is no counter here");
  const sizes = processes?.flatMap(({ usedMiB }) => (usedMiB === undefined ? [] : [usedMiB])) ?? [];
  return {
    uuid: info.uuid,
    name: info.name,
    architecture: info.architecture ?? null,
    bus: info.pciBusId ?? null,
    power: power === undefined ? null : [power, String(powerField)],
    limit: reading.powerLimit ?? null,
    temperature: reading.temperatureC ?? null,
    fan: reading.fanPercent ?? null,
    utilization: reading.utilizationPercent ?? null,
    vram: [reading.vramUsedMiB ?? null, info.vramTotalMiB ?? null],
    mig: info.migEnabled ?? null,
    processes: (processes && [processes.length, sizes.length === 0 ? null : sizes.reduce((a, b) => a + b)]) || null,
    health: reading.health,
  };
}
