import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Requirement } from "./requirement.ts";

const root = (): string => process.env.RIGSHIFT_DATA ?? resolve("..", "shared", "data");

/** The path of one recorded file: below `RIGSHIFT_DATA`, else beside the repository. */
export const recordedPath = (relative: string): string => resolve(root(), relative);

export const readRecorded = (relative: string): string => readFileSync(recordedPath(relative), "utf8");

/** Recorded sessions and answers of real pools and miners, which are not part of the repository. */
export const recordedData = (relative: string): Requirement => ({
  name: `the recording ${relative}`,
  mend: "set RIGSHIFT_DATA to the folder of recordings",
  expectedInCi: false,
  present: () => existsSync(recordedPath(relative)),
});
