import { type Facts, RigError } from "../../lib/errors.ts";

interface NvidiaSmiFacts extends Facts {
  readonly code:
    | "ERR_NVIDIA_SMI_NO_GPU"
    | "ERR_NVIDIA_SMI_FAILED"
    | "ERR_NVIDIA_SMI_HUNG"
    | "ERR_NVIDIA_SMI_OUTPUT"
    | "ERR_NVIDIA_SMI_CLOSED";
  readonly exitCode?: number;
  /** The element of the output that is not as it should be. */
  readonly field?: string;
}

/** Why nvidia-smi told nothing that can be used. */
export class NvidiaSmiError extends RigError<NvidiaSmiFacts> {}
