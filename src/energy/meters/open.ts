import { createHttpJson } from "./http-json.ts";
import { createShellyGen1 } from "./shelly-gen1.ts";
import { createShellyGen2 } from "./shelly-gen2.ts";
import { createTasmota } from "./tasmota.ts";
import type { WallMeter } from "./wall-meter.ts";

/** `power.wall.meter` of the configuration; only the operator names addresses, so private ones are fine. */
export type WallMeterConfig =
  | { readonly kind: "shelly-gen1" | "tasmota"; readonly url: string }
  | { readonly kind: "shelly-gen2"; readonly url: string; readonly channel: number }
  | { readonly kind: "http-json"; readonly url: string; readonly power: string; readonly totalKwh?: string };

export function openWallMeter(config: WallMeterConfig): WallMeter {
  const url = new URL(config.url);
  switch (config.kind) {
    case "shelly-gen1":
      return createShellyGen1(url);
    case "shelly-gen2":
      return createShellyGen2(url, config.channel);
    case "tasmota":
      return createTasmota(url);
    case "http-json":
      return createHttpJson(url, config);
  }
}
