import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../lib/errors.ts";

/** Where the kernel and the system keep their files; tests plug in a tree of their own. */
export interface MachineFiles {
  readonly proc: string;
  readonly sys: string;
  readonly etc: string;
}

export const machineFiles: MachineFiles = { proc: "/proc", sys: "/sys", etc: "/etc" };

/** The trimmed content of a small kernel file; undefined when it cannot be read. */
export function readText(...parts: readonly string[]): string | undefined {
  try {
    return readFileSync(join(...parts), "utf8").trim();
  } catch {
    // Absent on this hardware, or not readable for this user: the reading is absent.
    return undefined;
  }
}

/** A whole, non-negative number from a kernel file. */
export function readCount(...parts: readonly string[]): number | undefined {
  const text = readText(...parts);
  const value = text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

/** Whether the file is there and this user may not read it. */
export function isDenied(path: string): boolean {
  try {
    readFileSync(path);
    return false;
  } catch (error) {
    return ["EACCES", "EPERM"].includes(systemCodeOf(error) ?? "");
  }
}

/** Names in a folder, sorted; none when it does not exist. */
export function listNames(...parts: readonly string[]): readonly string[] {
  try {
    return readdirSync(join(...parts)).sort();
  } catch {
    // The kernel has no such class of device.
    return [];
  }
}
