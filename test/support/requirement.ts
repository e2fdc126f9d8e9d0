import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "vitest";

/** Something outside npm that a test needs, and how a person gets it. */
export interface Requirement {
  readonly name: string;
  readonly mend: string;
  /** True for what `CI=true` must have; hardware may always be absent. */
  readonly expectedInCi: boolean;
  readonly present: () => boolean;
}

/** Whether `program` can be run from `PATH`. */
export function onPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent or not ours to run: either way it cannot be used.
    return false;
  }
}

/**
 * `test`, but skipped with a note on how to get `needed` where it is missing.
 * With `CI=true` a missing requirement that CI must have fails instead.
 */
export const testWith = (
  needed: Requirement,
  title: string,
  body: (context: TestContext) => unknown,
  timeoutMs?: number,
): void => {
  const run = async (context: TestContext): Promise<void> => {
    const missing = !needed.present();
    if (missing && process.env.CI === "true" && needed.expectedInCi) {
      throw new Error(`${needed.name} is missing and CI must have it: ${needed.mend}`);
    }
    context.skip(missing, `needs ${needed.name}: ${needed.mend}`);
    await body(context);
  };
  test(title, run, timeoutMs);
};
