import { createHash } from "node:crypto";
import type { GpuUuid } from "../../ledger/rows.ts";
import { moduleInstance } from "../driver-load.ts";
import { type MachineFiles, readText } from "../machine-files.ts";

/**
 * Names the time in which the energy counters grow: they start at 0 when the kernel module is loaded. `opened` stands
 * in where the module cannot be told apart, as in a container.
 */
export function driverEpoch(files: MachineFiles, driverVersion: string | undefined, opened: string): string {
  const boot = readText(files.proc, "sys/kernel/random/boot_id") ?? "boot";
  return `${boot}/${driverVersion ?? "driver"}/${moduleInstance(files) ?? opened}`;
}

export const gpuEpoch = (driver: string, uuid: GpuUuid, reset: number | undefined): string =>
  createHash("sha256")
    .update(JSON.stringify([driver, uuid, reset ?? null]))
    .digest("hex")
    .slice(0, 32);
