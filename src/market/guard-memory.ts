import { readFileSync } from "node:fs";
import { z } from "zod";
import { unixMs } from "../units/time.ts";
import type { GuardMemory } from "./guard.ts";

const sighting = z.object({ value: z.number().positive(), at: z.int().nonnegative().transform(unixMs) });
const schema = z.object({
  belief: sighting.extend({ sources: z.int().nonnegative() }).exactOptional(),
  histories: z.record(z.string().max(600), z.array(sighting).max(2000)),
});

/** What prices were before the restart; undefined where nothing usable was kept. */
export function readGuardMemory(file: string): GuardMemory | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Missing or damaged: the price is learned anew, which takes two sightings.
    return undefined;
  }
}
