import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where Rigshift itself is installed. */
export const repositoryRoot = resolve(import.meta.dirname, "../..");

const MODEL_FOLDER = "docker/engine/model";

/**
 * What runs without a configuration: real work of the CPU for the built-in pool and the built-in engine, at invented
 * prices. It switches as often as requests come, because nothing is worn out by it.
 */
export const embeddedDefault = (root: string) => ({
  version: 1,
  rig: { name: "try-out" },
  mode: "auto",
  gpus: { source: "cpu" },
  mining: { coin: "devcoin", algorithm: "sha256d", pools: [{ url: "devpool", user: "try-out" }] },
  inference: {
    engine: { kind: "builtin", ...shippedModel(root), gpu: "auto" },
    usdPerMillionTokensIn: 0.5,
    usdPerMillionTokensOut: 1.5,
    wakeValueUsd: 0.01,
    maxWaitS: 60,
  },
  policy: {
    minDwellS: 2,
    wearUsdPerSwitch: 0.00001,
    maxSwitchesPerDay: 1000,
    maxGapSwitchesPerHour: 600,
    lending: "on",
  },
});

/** The model that comes with the repository and what it must hash to; the start says so if the folder holds none. */
function shippedModel(root: string): { readonly modelFile: string; readonly sha256?: string } {
  const folder = join(root, MODEL_FOLDER);
  const names = listFolder(folder);
  const model = names.find((name) => name.endsWith(".gguf")) ?? "model.gguf";
  const modelFile = join(folder, model);
  if (!names.includes(`${model}.sha256`)) return { modelFile };
  const [sha256 = ""] = readFileSync(`${modelFile}.sha256`, "utf8").split(/\s/, 1);
  return { modelFile, sha256 };
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // An installation without the engine: mining still runs, and the engine reports the missing file by name.
    return [];
  }
}
