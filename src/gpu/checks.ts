import { join } from "node:path";
import type { RigConfig } from "../config/load.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { valueAt } from "../lib/wanted.ts";
import { listNames, type MachineFiles, machineFiles, readText } from "./machine-files.ts";
import { isOnPath } from "./nvidia-smi/open.ts";
import { parseInventory } from "./nvidia-smi/parse-xml.ts";
import { readXml } from "./nvidia-smi/read-xml.ts";
import type { XmlAnswer } from "./nvidia-smi/xml-worker.ts";
import { openNvml } from "./nvml/source.ts";
import { findPackageRapl } from "./rapl.ts";
import type { GpuInfo, GpuReading } from "./source.ts";
import { judgeVisibility, type Visibility } from "./visibility.ts";

export interface GpuCheckParts {
  readonly source: RigConfig["gpus"]["source"];
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files?: MachineFiles;
}

/** From here on the driver tells instant and average power apart. */
const WANTED_DRIVER = 535;
const NVIDIA = "0x10de";
const DISPLAY_CLASS = /^0x03/;

const INSTALL = `install NVIDIA's driver, ${WANTED_DRIVER} or newer, and restart`;
const NO_CARD: CheckResult = { level: "ok", found: "not needed: no NVIDIA GPU here" };

/** What is asked of the driver only where there is something to drive. */
interface Wanted {
  readonly hasCard: boolean;
  /** The configuration asks for NVIDIA GPUs, whether or not the bus shows one. */
  readonly isAsked: boolean;
}

/** The driver and its two ways in, what keeps its sessions cheap, and the processor's energy counter. */
export function gpuChecks(parts: GpuCheckParts): readonly Check[] {
  const { source, files = machineFiles } = parts;
  const processor: Check = { name: "processor energy", run: () => checkProcessor(files) };
  if (source === "cpu" || source === "simulated") return [processor];
  const wanted = { hasCard: hasNvidiaCard(files), isAsked: source !== "auto" };
  let log: Promise<XmlAnswer | undefined> | undefined;
  const readLog = (signal: AbortSignal) => {
    log ??= readOnce(signal);
    return log;
  };
  return [
    { name: "NVIDIA driver", run: () => checkDriver(files, wanted) },
    { name: "NVML", run: (signal) => checkLibrary(parts, wanted, signal) },
    { name: "nvidia-smi", run: async (signal) => checkProgram(await readLog(signal), wanted) },
    { name: "programs on GPUs", run: async (signal) => judge(await lookAt(parts, readLog, signal), wanted) },
    { name: "persistence mode", run: async (signal) => checkPersistence(await readLog(signal), wanted) },
    processor,
  ];
}

function hasNvidiaCard({ sys }: MachineFiles): boolean {
  const devices = join(sys, "bus/pci/devices");
  return listNames(devices).some(
    (name) =>
      readText(devices, name, "vendor") === NVIDIA && DISPLAY_CLASS.test(readText(devices, name, "class") ?? ""),
  );
}

function checkDriver({ sys }: MachineFiles, { hasCard, isAsked }: Wanted): CheckResult {
  const version = readText(sys, "module/nvidia/version");
  if (version === undefined) {
    if (!hasCard && !isAsked) return NO_CARD;
    return { level: "fail", found: hasCard ? "an NVIDIA GPU, but no driver is loaded" : "not loaded", mend: INSTALL };
  }
  if (Number.parseInt(version, 10) >= WANTED_DRIVER) return { level: "ok", found: `version ${version}` };
  return { level: "warn", found: `version ${version} does not tell instant from average power`, mend: INSTALL };
}

async function checkLibrary({ env, clock, files }: GpuCheckParts, wanted: Wanted, signal: AbortSignal) {
  if (env.RIGSHIFT_NVML === "off") return ok("switched off by RIGSHIFT_NVML=off: energy is sampled");
  if (!wanted.hasCard && !wanted.isAsked && !env.RIGSHIFT_NVML_LIBRARY) return NO_CARD;
  const library = env.RIGSHIFT_NVML_LIBRARY;
  try {
    const source = await openNvml({ clock, ...(library ? { library } : {}), ...(files ? { files } : {}) });
    try {
      const count = (await source.list(signal)).length;
      return ok(`${count} ${count === 1 ? "GPU" : "GPUs"}, driver ${source.driverVersion ?? "unknown"}`);
    } finally {
      await source.close();
    }
  } catch (error) {
    const mend = "install the driver's own libnvidia-ml.so.1; without it energy is sampled and not counted";
    return { level: wanted.isAsked ? "fail" : "warn", found: messageOf(error), mend } satisfies CheckResult;
  }
}

/** By the library, else by the program's log; undefined where neither answers. */
async function lookAt(
  { env, clock, files }: GpuCheckParts,
  readLog: (signal: AbortSignal) => Promise<XmlAnswer | undefined>,
  signal: AbortSignal,
): Promise<readonly Visibility[] | undefined> {
  const library = env.RIGSHIFT_NVML_LIBRARY;
  try {
    if (env.RIGSHIFT_NVML === "off") throw new Error("switched off");
    const source = await openNvml({ clock, ...(library ? { library } : {}), ...(files ? { files } : {}) });
    try {
      const infos = await source.list(signal);
      return await Promise.all(infos.map(async (info) => toVisibility(info, await source.read(info.uuid, signal))));
    } finally {
      await source.close();
    }
  } catch {
    // Whatever is wrong with the library, a check of its own says it.
    const log = await readLog(signal);
    if (log?.kind !== "document") return undefined;
    return parseInventory(log.document).gpus.map(({ info, sample, processes }) =>
      toVisibility(info, { ...sample, ...(processes ? { processes } : {}) }),
    );
  }
}

const toVisibility = (
  { name, index, vramTotalMiB }: GpuInfo,
  { processes, vramUsedMiB }: Pick<GpuReading, "processes" | "vramUsedMiB">,
): Visibility => ({
  name,
  index,
  tellsPrograms: processes !== undefined,
  tellsMemory: vramTotalMiB !== undefined && vramUsedMiB !== undefined,
});

function judge(gpus: readonly Visibility[] | undefined, { hasCard, isAsked }: Wanted): CheckResult {
  if (gpus !== undefined && gpus.length > 0) return judgeVisibility(gpus);
  return hasCard || isAsked ? { level: "warn", found: "not known: no GPU answers", mend: INSTALL } : NO_CARD;
}

const ok = (found: string): CheckResult => ({ level: "ok", found });

/** The program's full log; undefined where there is no such program. One that hangs is left behind. */
async function readOnce(signal: AbortSignal): Promise<XmlAnswer | undefined> {
  if (!isOnPath()) return undefined;
  const read = readXml();
  const stop = () => read.abandon();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await read.answer;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function checkProgram(log: XmlAnswer | undefined, { hasCard, isAsked }: Wanted): CheckResult {
  if (log?.kind === "document") return ok(`answers, ${gpusOf(log.document).length} in its log`);
  if (!hasCard && !isAsked) return NO_CARD;
  if (log === undefined) {
    const mend = "install the driver's utilities; the agent falls back on them where NVML fails";
    return { level: "warn", found: "not on PATH", mend };
  }
  return { level: "fail", found: log.reason, mend: "run it by hand; where it hangs or fails, restart the machine" };
}

function checkPersistence(log: XmlAnswer | undefined, { hasCard, isAsked }: Wanted): CheckResult {
  if (log?.kind !== "document") return hasCard || isAsked ? ok("not known without nvidia-smi") : NO_CARD;
  const gpus = gpusOf(log.document);
  const off = gpus.filter((gpu) => valueAt(gpu, ["persistence_mode"]) === "Disabled").length;
  if (off === 0) return ok(gpus.length === 0 ? "no GPU" : "on");
  const mend = "run: nvidia-smi -pm 1, or enable nvidia-persistenced; else each session wakes the GPUs for seconds";
  return { level: "warn", found: `off on ${off} of ${gpus.length}`, mend };
}

/** One GPU is no list in the parsed log. */
function gpusOf(document: unknown): readonly unknown[] {
  const gpu = valueAt(document, ["nvidia_smi_log", "gpu"]);
  if (gpu === undefined) return [];
  return Array.isArray(gpu) ? gpu : [gpu];
}

function checkProcessor(files: MachineFiles): CheckResult {
  const rapl = findPackageRapl(files);
  if (rapl.kind === "found") return ok(`counted: ${rapl.domains.join(", ")}`);
  const model = "set power.cpu and power.wall.baseW to what it draws";
  const mend = rapl.kind === "denied" ? `run the agent as root, or ${model}` : model;
  return { level: "warn", found: `assumed: ${rapl.reason}`, mend };
}
