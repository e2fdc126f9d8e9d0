import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../lib/errors.ts";
import { after, elapsed, type Millis, millis, minutes, type UnixMs, unixMs } from "../units/time.ts";
import { writeCache } from "./fetch/cache.ts";
import type { FeedOptions, Place } from "./fetch/feed.ts";
import { type Caution, GuardedPrice, type GuardMemory, type Sighting, type SourceTerms } from "./guard.ts";

/** When and where something was said. */
interface Heard extends Pick<Place, "file" | "every"> {
  readonly now: UnixMs;
}

const KEEP_EVERY: Millis = minutes(5);

const sighting = z.object({ value: z.number().positive(), at: z.number().nonnegative().transform(unixMs) });
const schema = z.object({
  belief: sighting
    .extend({
      sources: z.int().nonnegative(),
      until: z.number().nonnegative().transform(unixMs).exactOptional(),
    })
    .exactOptional(),
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
  #told: ReadonlySet<string> = new Set();

  /** `name` is the file's, without its ending. */
  constructor(name: string, terms: ReadonlyMap<string, SourceTerms>, options: FeedOptions, caution?: Caution) {
    const { cacheDir, clock, logger, isReadOnly } = options;
    this.#isReadOnly = isReadOnly === true;
    this.#file = join(cacheDir, `${name}.json`);
    this.#logger = logger;
    this.#kept = clock.now();
    this.#guard = new GuardedPrice(terms, readGuardMemory(this.#file), caution);
  }

  get maxAge(): Millis {
    return this.#guard.maxAge;
  }

  believed(now: UnixMs) {
    return this.#guard.believed(now);
  }

  /** True until a price is believed, and while another one waits to be confirmed: who can look again sooner should. */
  isAwaited(now: UnixMs): boolean {
    return this.isMoving || this.believed(now) === undefined;
  }

  /** True while another price was said that nobody has confirmed yet. */
  get isMoving(): boolean {
    return this.#guard.isMoving;
  }

  /** Takes what `source` says of the price; a file that nobody writes again counts as saying it anew every `every`. */
  sight(source: string, said: Sighting, { now, file, every }: Heard): void {
    const age = Math.max(0, elapsed(said.at, now));
    const saidAt = file === undefined ? said.at : after(said.at, millis(age - (age % every)));
    if (this.#guard.sight(source, { ...said, saidAt }, now)) this.#keep(now);
    this.#tell(now);
  }

  /** Once per source: the operator may know that the jump is real. */
  #tell(now: UnixMs): void {
    const disputed = this.#guard.disputed(now);
    for (const { source, value, usual } of disputed)
      if (!this.#told.has(source))
        this.#logger.warn(
          "a price is not believed: one source says far more than it said all day, and no other bears it out",
          {
            source,
            said: value,
            usual,
            mend: "if the price is right, set historyFrom of this source in rig.yaml to now and restart",
          },
        );
    this.#told = new Set(disputed.map(({ source }) => source));
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
