import type { RigConfig } from "../config/load.ts";
import type { Watts } from "../units/energy.ts";
import { type GpuSourceParts, openGpuSource } from "./open.ts";
import type { GpuInfo } from "./source.ts";

/** One GPU as a single look finds it. */
export interface SeenGpu extends Pick<GpuInfo, "uuid"> {
  /** In force now; absent where it is not told. */
  readonly powerLimit?: Watts;
}

/** The GPUs that the agent would have, read once each; whatever was opened for it is closed again. */
export async function lookOnce(
  config: Pick<RigConfig, "gpus" | "power">,
  parts: GpuSourceParts,
  signal: AbortSignal,
): Promise<readonly SeenGpu[]> {
  const source = await openGpuSource(config, parts);
  try {
    const infos = await source.list(signal);
    return await Promise.all(
      infos.map(async ({ uuid }) => {
        const { powerLimit } = await source.read(uuid, signal);
        return { uuid, ...(powerLimit === undefined ? {} : { powerLimit }) };
      }),
    );
  } finally {
    await source.close();
  }
}
