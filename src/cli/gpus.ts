import { hostname } from "node:os";
import { loadConfig } from "../config/load.ts";
import { openGpuSource } from "../gpu/open.ts";
import type { GpuInfo, GpuReading } from "../gpu/source.ts";
import { systemClock } from "../lib/clock.ts";
import { seconds } from "../units/time.ts";
import { type CliContext, type LocationOptions, printJson } from "./context.ts";
import { renderTable } from "./table.ts";
import { sayCelsius, sayPercent, sayWatts, UNKNOWN } from "./wording.ts";

const HEADER = ["#", "NAME", "UUID", "VRAM", "POWER", "TEMP", "LOAD", "HEALTH"];
/** Load and power of a CPU are differences between two looks. */
const BETWEEN_LOOKS = seconds(0.25);

const WHATEVER_THERE_IS = { source: "auto" } as const;

/** What the hardware says, without an agent. */
export async function gpus(options: LocationOptions & { readonly json?: true }, context: CliContext): Promise<void> {
  const config = loadConfig(options.config);
  // Without a configuration the try-out runs on the CPU, but what is asked here is what there is.
  const asked = options.config === undefined ? { ...config, gpus: WHATEVER_THERE_IS } : config;
  const source = await openGpuSource(asked, { clock: systemClock, fallbackId: hostname(), env: context.env });
  try {
    const infos = await source.list(context.signal);
    await Promise.all(infos.map(({ uuid }) => source.read(uuid, context.signal)));
    await systemClock.wait(BETWEEN_LOOKS, context.signal);
    const seen = await Promise.all(
      infos.map(async (info) => toView(info, await source.read(info.uuid, context.signal))),
    );
    if (options.json)
      printJson(context, { source: source.kind, driverVersion: source.driverVersion ?? null, gpus: seen });
    else context.print(`${renderTable(HEADER, seen.map(toRow), { columns: context.columns })}\n`);
  } finally {
    await source.close();
  }
}

const toView = (info: GpuInfo, reading: GpuReading) => ({
  uuid: info.uuid,
  index: info.index,
  name: info.name,
  architecture: info.architecture ?? null,
  pciBusId: info.pciBusId ?? null,
  vramTotalMiB: info.vramTotalMiB ?? null,
  vramUsedMiB: reading.vramUsedMiB ?? null,
  powerW: reading.power ?? null,
  powerField: reading.powerField ?? null,
  powerLimitW: reading.powerLimit ?? null,
  temperatureC: reading.temperatureC ?? null,
  fanPercent: reading.fanPercent ?? null,
  utilizationPercent: reading.utilizationPercent ?? null,
  energyMj: reading.energy ?? null,
  energyBasis: reading.energyBasis ?? null,
  migEnabled: info.migEnabled ?? null,
  processes: reading.processes?.map(({ pid, usedMiB }) => ({ pid, usedMiB: usedMiB ?? null })) ?? null,
  health: reading.health,
});

const toRow = (gpu: ReturnType<typeof toView>): readonly string[] => [
  String(gpu.index),
  gpu.name,
  gpu.uuid,
  gpu.vramTotalMiB === null ? UNKNOWN : `${gpu.vramUsedMiB ?? UNKNOWN} / ${gpu.vramTotalMiB} MiB`,
  `${sayWatts(gpu.powerW)}${gpu.energyBasis === "assumed" ? " assumed" : ""}`,
  sayCelsius(gpu.temperatureC),
  sayPercent(gpu.utilizationPercent),
  gpu.health,
];
