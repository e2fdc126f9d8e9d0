import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { type Logger, silentLogger } from "../../lib/logger.ts";
import { type Millis, millis } from "../../units/time.ts";
import { type MachineFiles, machineFiles } from "../machine-files.ts";
import type { GpuSource } from "../source.ts";
import { InventoryReader } from "./inventory.ts";
import { canDieWithParent, launchQuery, type RunningQuery } from "./launch.ts";
import { readXml } from "./read-xml.ts";
import { NvidiaSmiSource } from "./source.ts";

export interface NvidiaSmiParts {
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly files?: MachineFiles;
  /** Ends the opening; the open source is ended by `close`. */
  readonly signal?: AbortSignal;
  /** How often the running query prints; default 100 ms. */
  readonly period?: Millis;
}

/** An instant power value describes 25 to 100 ms, so it must be asked for that often. */
const PERIOD = millis(100);

/**
 * Opens the GPUs as `nvidia-smi` from `PATH` sees them; the caller closes it. Undefined when the program is not there
 * or sees no GPU. Throws `NvidiaSmiError` when it hangs, fails otherwise, or prints what cannot be read: then there may
 * well be GPUs, and taking the rig for one without them would be wrong.
 */
export async function openNvidiaSmi(parts: NvidiaSmiParts): Promise<GpuSource | undefined> {
  const { logger = silentLogger, signal = new AbortController().signal } = parts;
  signal.throwIfAborted();
  if (!isOnPath()) return undefined;
  const reader = new InventoryReader({ clock: parts.clock, logger, readXml });
  await reader.refresh(signal);
  const { look, fault } = reader;
  if (signal.aborted || look === undefined || look.inventory.gpus.length === 0) {
    reader.close();
    signal.throwIfAborted();
    if (fault !== undefined && fault.facts.code !== "ERR_NVIDIA_SMI_NO_GPU") throw fault;
    return undefined;
  }
  const { clock, files = machineFiles, period = PERIOD } = parts;
  return new NvidiaSmiSource({ clock, logger, files, period, reader, launch: createLaunch() });
}

/** Finds out once, and only when a query is started, how it can be made to die with this process. */
function createLaunch(): (args: readonly string[]) => Promise<RunningQuery | string> {
  let dieWithParent: Promise<boolean> | undefined;
  return async (args) => {
    dieWithParent ??= canDieWithParent();
    return launchQuery(args, await dieWithParent);
  };
}

/** Whether the program is there to be run; whether it works is another matter. */
export const isOnPath = (): boolean =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, "nvidia-smi"), constants.X_OK);
      return true;
    } catch {
      // Not in this folder, or not ours to run.
      return false;
    }
  });
