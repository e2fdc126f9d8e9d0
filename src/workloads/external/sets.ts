import type { GpuUuid } from "../../ledger/rows.ts";

/** What an external workload says of the GPUs that it takes. */
export interface SetTerms {
  /** All of the rig's when absent. */
  readonly gpus?: readonly string[] | undefined;
  readonly asSet: boolean;
}

export interface ExternalSets {
  /** Each is taken as a whole or not at all; none where one that cannot be done without is absent. */
  readonly sets: readonly (readonly GpuUuid[])[];
  /** Named, and not in this rig. */
  readonly absent: readonly string[];
}

/** Which of the GPUs `present` an external workload takes together; hooks are called once for each set. */
export function setsOf({ gpus, asSet }: SetTerms, present: readonly GpuUuid[]): ExternalSets {
  const found = present.filter((uuid) => gpus === undefined || gpus.includes(uuid));
  const absent = (gpus ?? []).filter((uuid) => !found.some((one) => one === uuid));
  if (!asSet) return { sets: found.map((gpu) => [gpu]), absent };
  return { sets: absent.length > 0 || found.length === 0 ? [] : [found], absent };
}
