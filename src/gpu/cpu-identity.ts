import { createHash } from "node:crypto";
import type { GpuUuid } from "../ledger/rows.ts";
import { type MachineFiles, readText } from "./machine-files.ts";

/**
 * The CPU's id, the same after every start. It is a hash, because the machine id is a secret of the system;
 * `fallbackId` must be random and kept, for machines that have none.
 */
export function readCpuUuid({ etc }: MachineFiles, fallbackId: string): GpuUuid {
  const machineId = readText(etc, "machine-id");
  const seed = machineId && /^[0-9a-f]{32}$/.test(machineId) ? machineId : fallbackId;
  const hex = createHash("sha256").update(`rigshift cpu ${seed}`).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)];
  return `CPU-${parts.join("-")}`;
}

/** What the CPU calls itself. */
export function readCpuName({ proc }: MachineFiles): string {
  const match = /^(?:model name|Model|Hardware)\s*:\s*(.+)$/m.exec(readText(proc, "cpuinfo") ?? "");
  return match?.[1]?.replace(/\s+/g, " ").trim().slice(0, 128) || "CPU";
}
