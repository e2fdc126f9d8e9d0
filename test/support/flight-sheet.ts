import { type FlightSheetConfig, parseConfig } from "../../src/config/load.ts";

/** The one flight sheet of `mining` as rig.yaml has it: devcoin at the built-in pool, unless `fields` say otherwise. */
export function flightSheet(fields: Readonly<Record<string, unknown>> = {}): FlightSheetConfig {
  const config = parseConfig({ version: 1, mining: { pools: [{ url: "devpool" }], ...fields } }, "rig.yaml", "/");
  const [sheet] = config.mining?.sheets ?? [];
  if (sheet === undefined) throw new Error("nothing is mined");
  return sheet;
}

/** What a link to a proxy of sha256d has beside its address, for miners that no API is asked of. */
export const PLAIN_LINK = {
  dialect: "bitcoin-v1",
  apiKey: () => ({ token: "", tell: () => "" }),
} as const;
