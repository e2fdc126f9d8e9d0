import { join } from "node:path";
import { type MachineFiles, readText } from "../machine-files.ts";

/** Where the kernel tells whether it let the GPU at `pciBusId` fall asleep; undefined when it is never allowed to. */
export function findSleepFile({ sys }: MachineFiles, pciBusId: string | undefined): string | undefined {
  const address = /^(?:[0-9a-f]{4})?([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i.exec(pciBusId ?? "")?.[1];
  if (address === undefined) return undefined;
  const power = join(sys, "bus/pci/devices", address.toLowerCase(), "power");
  return readText(power, "control") === "auto" ? join(power, "runtime_status") : undefined;
}

/** Any call about a sleeping GPU wakes it, at some watts. */
export const isAsleep = (file: string | undefined): boolean => file !== undefined && readText(file) === "suspended";
