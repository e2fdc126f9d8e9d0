import type { Check } from "../lib/check.ts";
import { openWallMeter, type WallMeterConfig } from "./meters/open.ts";

/** Whether what the operator put at the plug answers. */
export const energyChecks = (meter: WallMeterConfig | undefined): readonly Check[] => [
  {
    name: "wall meter",
    run: async (signal) => {
      if (meter === undefined) return { level: "ok", found: "none configured: what the rig draws is estimated" };
      const { power, total } = await openWallMeter(meter).read(signal);
      const sum = total === undefined ? "no total" : `${(total / 3.6e9).toFixed(1)} kWh in all`;
      return { level: "ok", found: `${meter.kind} tells ${power?.toFixed(1) ?? "no"} W, ${sum}` };
    },
  },
];
