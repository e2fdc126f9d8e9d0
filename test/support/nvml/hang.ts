import type { GpuReading } from "../../../src/gpu/source.ts";
import { until } from "../until.ts";
import type { OpenedNvml } from "./opened.ts";

const FIELDS = "nvmlDeviceGetFieldValues";
/** The line of a script that lets readings of the GPU hang in the driver. */
export const hangOf = (gpu: number): string => `hang ${FIELDS} ${gpu}`;

/** A thread that began its call after it was first looked at is given as long again. */
export const HANGS_FOR_SURE = 4000;

/** Reads two GPUs until the call is inside the driver, then lets the agent's time pass. */
export async function readIntoHang(nvml: OpenedNvml): Promise<readonly GpuReading[]> {
  const before = nvml.standIn.calls(FIELDS);
  const reads = Promise.all([nvml.read(0), nvml.read(1)]);
  await until(() => nvml.standIn.calls(FIELDS) > before);
  await nvml.clock.advance(HANGS_FOR_SURE);
  return reads;
}
