import { mendByHand } from "../gpu/power-tool.ts";
import type { GpuInfo } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../lib/logger.ts";

export interface AbsentGpuParts {
  readonly gpus: readonly Pick<GpuInfo, "uuid">[];
  readonly ledger: Pick<Ledger, "foundSettings" | "externalStays">;
  readonly logger: Logger;
}

/** Says what an earlier agent left on GPUs that this rig does not have: no loop of theirs will. The rows wait for their return. */
export function warnOfAbsent({ gpus, ledger, logger }: AbsentGpuParts): void {
  const isAbsent = ({ gpu }: { readonly gpu: string }) => gpus.every(({ uuid }) => uuid !== gpu);
  for (const { gpu, ...found } of ledger.foundSettings.list().filter(isAbsent))
    logger.warn("a GPU that this rig does not have now was not set back", { gpu, mend: mendByHand(gpu, found) });
  for (const { gpu, name: external } of ledger.externalStays.list().filter(isAbsent))
    logger.warn("nobody saw external work end on a GPU that this rig does not have now", { gpu, external });
}
