import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const PROGRAM = "nvtool";
/** Where Hive OS keeps its programs, also where a service's PATH does not name it. */
const FOLDERS = ["sbin", "bin"];

/** How one call of the tool ended. */
export type ToolEnd =
  | { readonly kind: "ended"; readonly exitCode: number; readonly output: string }
  | { readonly kind: "not-run"; readonly reason: string };

/** Runs a program to its end; one that is still there when `signal` fires is killed before this resolves. */
export type RunTool = (file: string, args: readonly string[], signal: AbortSignal) => Promise<ToolEnd>;

export const isHive = (folder: string): boolean => {
  try {
    return statSync(folder).isDirectory();
  } catch {
    // Another system.
    return false;
  }
};

/** Hive OS's own tool for clocks and limits; undefined where there is none. */
export function findNvtool(hive: string, path: string | undefined): string | undefined {
  const folders = [...(path ?? "").split(delimiter), ...FOLDERS.map((name) => join(hive, name))];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, PROGRAM))
    .find(isRunnable);
}

function isRunnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    // Not in this folder, or not ours to run.
    return false;
  }
}
