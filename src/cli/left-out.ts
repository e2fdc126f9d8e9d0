import type { WorkloadName } from "../api/shapes.ts";
import type { RigConfig } from "../config/load.ts";
import { labelsOf } from "../rig/rates.ts";

/** What a GPU may do by the configuration, and a what-if cannot value. */
export interface LeftOut {
  readonly workload: WorkloadName;
  readonly label: string;
  readonly why: string;
}

export interface Measured {
  readonly gpu: string;
  /** The labels of its hashrates. */
  readonly hashing: ReadonlySet<string>;
  readonly isServed: boolean;
  /** The file of the figures; the ledger's when absent. */
  readonly file: string | undefined;
}

/** Everything of `config` for which this GPU has no figures, so that its absence is no surprise. */
export function leftOutOf({ gpu, hashing, isServed, file }: Measured, config: RigConfig): readonly LeftOut[] {
  const sheets = config.mining?.sheets ?? [];
  const may = ({ gpus }: { readonly gpus?: readonly string[] | undefined }) => gpus?.includes(gpu) ?? true;
  const unless = (command: string) =>
    file === undefined ? `never measured on this GPU; \`rigshift bench ${command}--take\` does` : `not in ${file}`;
  return [
    ...sheets
      .filter((sheet) => may(sheet) && !labelsOf(sheet).every((label) => hashing.has(label)))
      .map(({ name }) => ({
        workload: "hashing" as const,
        label: name,
        why: unless(sheets.length > 1 ? `--sheet ${name} ` : ""),
      })),
    ...(config.inference === undefined || isServed
      ? []
      : [{ workload: "inference" as const, label: "", why: unless("--workload inference ") }]),
    ...config.external.filter(may).map(({ name }) => ({
      workload: "external" as const,
      label: name,
      why: "what it brings only a running agent asks",
    })),
  ];
}
