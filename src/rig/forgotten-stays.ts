import type { RigConfig } from "../config/load.ts";
import type { ExternalStay } from "../ledger/external-stays.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Logger } from "../lib/logger.ts";
import { setsOf } from "../workloads/external/sets.ts";
import type { Tenant } from "./tenant.ts";

/** External work that an earlier agent did not see end, on a GPU where nobody can be asked about it any more. */
export interface ForgottenStay {
  readonly name: string;
  readonly gpu: GpuUuid;
  /** What is known of it and why nobody can be asked. */
  readonly found: string;
  readonly mend: string;
}

type Externals = readonly Pick<RigConfig["external"][number], "name" | "gpus" | "asSet">[];

/** Those of `left` on the GPUs `present` that the configuration of now has no hooks for. */
export function forgottenOf(
  left: readonly ExternalStay[],
  externals: Externals,
  present: readonly GpuUuid[],
): readonly ForgottenStay[] {
  return left
    .filter(({ gpu }) => present.includes(gpu))
    .flatMap(({ name, gpu, state }) => {
      const why = whyForgotten(name, gpu, { externals, present });
      if (why === undefined) return [];
      const did = state === "running" ? "left it running" : `was ${state} it`;
      return {
        name,
        gpu,
        found: `${name} may still run: an earlier agent ${did}, and ${why}, so that nobody can be asked`,
        mend: `put it back into rig.yaml and restart the agent, or end it yourself and then say so: rigshift mode auto --gpu ${gpu}`,
      };
    });
}

interface World {
  readonly externals: Externals;
  readonly present: readonly GpuUuid[];
}

/** Undefined where it can be asked. */
function whyForgotten(name: string, gpu: GpuUuid, { externals, present }: World): string | undefined {
  const external = externals.find((one) => one.name === name);
  if (external === undefined) return "rig.yaml does not name it any more";
  const { sets, absent } = setsOf(external, present);
  if (sets.some((set) => set.includes(gpu))) return undefined;
  if (external.gpus?.includes(gpu) === false) return "rig.yaml gives it other GPUs now";
  return `its set lacks ${absent.join(", ")} now`;
}

export interface ForgottenStaysParts {
  readonly stays: readonly ForgottenStay[];
  readonly ledger: Pick<Ledger, "externalStays">;
  readonly logger: Logger;
}

/** Holds each GPU with forgotten work, whose customer may use it, until the operator says that it is over. */
export class ForgottenStays {
  readonly #parts: ForgottenStaysParts;
  #stays: readonly ForgottenStay[];

  constructor(parts: ForgottenStaysParts) {
    this.#parts = parts;
    this.#stays = parts.stays;
    for (const { gpu, found, mend } of parts.stays) parts.logger.warn(found, { gpu, mend });
  }

  tenantOn(gpu: GpuUuid): Tenant | undefined {
    const stay = this.#stays.find((one) => one.gpu === gpu);
    if (stay === undefined) return undefined;
    return { kind: "theirs", name: stay.name, words: `${stay.found}; ${stay.mend}` };
  }

  /** The operator has looked at this very GPU: whatever was forgotten on it is over. */
  declareOver(gpu: GpuUuid): void {
    const { ledger, logger } = this.#parts;
    const over = this.#stays.filter((one) => one.gpu === gpu);
    for (const { name } of over) {
      ledger.externalStays.remove(name, [gpu]);
      logger.info("an external workload is over, the operator says", { gpu, external: name });
    }
    this.#stays = this.#stays.filter((one) => one.gpu !== gpu);
  }
}
