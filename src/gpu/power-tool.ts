import type { RigConfig } from "../config/load.ts";
import type { FoundRow } from "../ledger/found-settings.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import type { Logger } from "../lib/logger.ts";
import { HiveControl } from "./hive/control.ts";
import { findNvtool, isHive, type RunTool } from "./hive/tool.ts";
import type { GpuControl, GpuSource } from "./source.ts";

const HIVE = "/hive";

export interface PowerToolParts {
  readonly source: Pick<GpuSource, "control" | "list">;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly run: RunTool;
  /** Where Hive OS lives; its own place when absent. */
  readonly hive?: string;
}

type Tool = RigConfig["power"]["tool"];

/** The way to set limits and clocks that `tool` asks for; undefined where nothing may or can be set. */
export function openPowerTool(tool: Tool, parts: PowerToolParts): GpuControl | undefined {
  const { source, env, logger, run, hive = HIVE } = parts;
  if (tool === "off") return undefined;
  if (tool === "nvml" || (tool === "auto" && !isHive(hive))) return source.control;
  const file = findNvtool(hive, env.PATH);
  if (file !== undefined)
    return new HiveControl({ tool: file, run, gpus: (signal) => source.list(signal), driver: source.control });
  logger.warn("Hive OS's nvtool is not there", { instead: tool === "hive" ? "nothing is set" : "NVML" });
  return tool === "hive" ? undefined : source.control;
}

/** What sets, and what sets back: what an earlier agent changed is undone also where nothing may be set any more. */
export function openPowerTools(
  tool: Tool,
  parts: PowerToolParts,
): { readonly control: GpuControl | "none"; readonly undo: GpuControl | undefined } {
  const control = openPowerTool(tool, parts);
  return { control: control ?? "none", undo: control ?? openPowerTool("auto", parts) };
}

/** What sets a GPU back to what was found, without an agent. */
export function mendByHand(gpu: GpuUuid, { powerLimit, graphicsLockMhz = 0, memoryLockMhz = 0 }: FoundRow): string {
  const limit = powerLimit === undefined ? "" : `nvidia-smi -i ${gpu} -pl ${powerLimit}; `;
  const clocks = (domain: "g" | "m", mhz: number) =>
    `nvidia-smi -i ${gpu} ${mhz > 0 ? `-l${domain}c ${mhz},${mhz}` : `-r${domain}c`}`;
  return `run as root: ${limit}${clocks("g", graphicsLockMhz)}; ${clocks("m", memoryLockMhz)}`;
}

/** By which way profiles would be set; nothing where there are none. */
export function powerToolChecks(
  { tool, profiles }: Pick<RigConfig["power"], "tool" | "profiles">,
  env: PowerToolParts["env"],
  hive = HIVE,
): readonly Check[] {
  return profiles.length === 0 ? [] : [{ name: "limits and clocks", run: () => judge(tool, env, hive) }];
}

function judge(tool: Tool, env: PowerToolParts["env"], hive: string): CheckResult {
  if (tool === "off")
    return { level: "warn", found: "power.tool is off: no profile is set", mend: "set power.tool to auto" };
  if (tool === "nvml" && isHive(hive)) {
    const mend = "set power.tool to auto, which uses Hive OS's own nvtool";
    return { level: "warn", found: "set through NVML, and Hive OS may set them back", mend };
  }
  if (tool === "nvml" || (tool === "auto" && !isHive(hive))) return { level: "ok", found: "set through NVML" };
  const file = findNvtool(hive, env.PATH);
  if (file !== undefined) return { level: "ok", found: `set by Hive OS's own tool, ${file}` };
  const mend = "put Hive OS's nvtool on PATH, or set power.tool to nvml";
  return { level: tool === "hive" ? "fail" : "warn", found: "Hive OS's nvtool is not there", mend };
}
