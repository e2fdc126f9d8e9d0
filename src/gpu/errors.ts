import { type Facts, RigError } from "../lib/errors.ts";

type GpuFacts = Facts &
  (
    | { readonly code: "ERR_GPU_UNKNOWN"; readonly uuid: string }
    | { readonly code: "ERR_GPU_NVML_UNAVAILABLE"; readonly missing?: number }
    | { readonly code: "ERR_GPU_NVIDIA_SMI_UNAVAILABLE" }
    | { readonly code: "ERR_GPU_SCRIPT"; readonly file: string }
  );

export class GpuError extends RigError<GpuFacts> {}
