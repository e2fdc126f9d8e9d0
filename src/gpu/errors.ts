import { type Facts, RigError } from "../lib/errors.ts";

interface GpuFacts extends Facts {
  readonly code: "ERR_GPU_UNKNOWN";
  readonly uuid: string;
}

export class GpuError extends RigError<GpuFacts> {}
