import { statSync } from "node:fs";
import type { Check } from "../lib/check.ts";
import { checkModelFile } from "./model-file.ts";

/** More takes longer to add up than a check may. */
const LARGEST_HASHED = 1 << 30;

interface CheckedEngine {
  readonly modelFile: string;
  readonly sha256?: string;
  readonly image?: string;
}

/** Whether the model is there and the one that is meant; one inside an image is the image's own matter. */
export function inferenceChecks(engine: CheckedEngine | undefined): readonly Check[] {
  if (engine === undefined || engine.image !== undefined) return [];
  const { modelFile, sha256 } = engine;
  const run = async () => {
    await checkModelFile(modelFile, undefined);
    if (sha256 === undefined) return { level: "ok", found: modelFile } as const;
    if (statSync(modelFile).size > LARGEST_HASHED)
      return { level: "ok", found: `${modelFile}; its sha256 is looked at when the agent starts` } as const;
    await checkModelFile(modelFile, sha256);
    return { level: "ok", found: `${modelFile}, of the sha256 that is wanted` } as const;
  };
  return [{ name: "model", run }];
}
