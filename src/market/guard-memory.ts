import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../lib/errors.ts";
import { elapsed, type Millis, minutes, type UnixMs, unixMs } from "../units/time.ts";
import { writeCache } from "./fetch/cache.ts";
import type { FeedOptions } from "./fetch/feed.ts";
import { type Caution, GuardedPrice, type GuardMemory, type Sighting } from "./guard.ts";

const KEEP_EVERY: Millis = minutes(5);

const sighting = z.object({ value: z.number().positive(), at: z.number().nonnegative().transform(unixMs) });
const schema = z.object({
  belief: sighting.extend({ sources: z.int().nonnegative() }).exactOptional(),
  histories: z.record(z.string().max(600), z.array(sighting).max(2000)),
});

/** What prices were before the restart; undefined where nothing usable was kept. */
function readGuardMemory(file: string): GuardMemory | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Missing or damaged: the price is learned anew, which takes two sightings.
    return undefined;
  }
}

/** A guarded price that is not learned anew after a restart: right then a spike would have no past to be measured by. */
export class KeptPrice {
  readonly #guard: GuardedPrice;
  readonly #file: string;
  readonly #logger: FeedOptions["logger"];
  readonly #isReadOnly: boolean;
  #kept: UnixMs;

  /** `name` is the file's, without its ending. */
  constructor(name: string, maxAges: ReadonlyMap<string, Millis>, options: FeedOptions, caution?: Caution) {
    const { cacheDir, clock, logger, isReadOnly } = options;
    this.#isReadOnly = isReadOnly === true;
    this.#file = join(cacheDir, `${name}.json`);
    this.#logger = logger;
    this.#kept = clock.now();
    this.#guard = new GuardedPrice(maxAges, readGuardMemory(this.#file), caution);
  }

  get maxAge(): Millis {
    return this.#guard.maxAge;
  }

  believed(now: UnixMs) {
    return this.#guard.believed(now);
  }

  sight(source: string, sighting: Sighting, now: UnixMs): void {
    if (this.#guard.sight(source, sighting, now)) this.#keep(now);
  }

  #keep(now: UnixMs): void {
    const age = elapsed(this.#kept, now);
    if (this.#isReadOnly || (age < KEEP_EVERY && age >= 0)) return;
    this.#kept = now;
    try {
      writeCache(this.#file, this.#guard.memory);
    } catch (error) {
      this.#logger.warn("what prices were cannot be kept", { reason: messageOf(error) });
    }
  }
}
