import type { RigConfig } from "../config/load.ts";
import { namesGpus, strangersIn } from "../config/named-gpus.ts";
import type { Check } from "../lib/check.ts";
import { type GpuSourceParts, openGpuSource } from "./open.ts";

/** Whether the GPUs that rig.yaml names are in the rig; nothing where it names none. */
export function namedGpuChecks(
  config: Pick<RigConfig, "gpus" | "power" | "mining" | "external">,
  parts: GpuSourceParts,
): readonly Check[] {
  if (!namesGpus(config)) return [];
  return [
    {
      name: "GPUs in rig.yaml",
      run: async (signal) => {
        const source = await openGpuSource(config, parts);
        try {
          const strange = strangersIn(config, await source.list(signal));
          if (strange.length === 0) return { level: "ok", found: "all that are named are here" };
          const found = strange.map(({ name, found: what }) => `${name}: ${what}`).join("; ");
          return { level: "warn", found, ...(strange[0] && { mend: strange[0].mend }) };
        } finally {
          await source.close();
        }
      },
    },
  ];
}
