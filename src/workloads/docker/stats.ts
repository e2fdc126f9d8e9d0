import { z } from "zod";
import type { Clock } from "../../lib/clock.ts";
import { elapsed, seconds } from "../../units/time.ts";
import type { WorkStats } from "../driver.ts";
import { type Engine, withSignal } from "./engine.ts";
import { forEachLine } from "./text-streams.ts";

const FIRST_SAMPLE = seconds(3);
const TOO_OLD = seconds(10);
const LONGEST_LINE = 262_144;

const count = z.number().nonnegative().optional().catch(undefined);
const schema = z.looseObject({
  memory_stats: z.looseObject({ usage: count, limit: count }).catch({}),
  cpu_stats: z.looseObject({ cpu_usage: z.looseObject({ total_usage: count }).catch({}) }).catch({ cpu_usage: {} }),
  pids_stats: z.looseObject({ current: count }).catch({}),
});

interface Feed {
  readonly close: () => void;
  readonly first: Promise<void>;
  latest: WorkStats | undefined;
}

/** One open stream per container that was asked about, because a single answer takes the Engine a second. */
export class StatsFeeds {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #feeds = new Map<string, Feed>();

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** The newest sample of a running container; undefined when none came in time. */
  async latest(container: string, signal: AbortSignal): Promise<WorkStats | undefined> {
    const feed = this.#feeds.get(container) ?? (await this.#open(container, signal));
    const over = new AbortController();
    await Promise.race([feed.first, this.#clock.wait(FIRST_SAMPLE, AbortSignal.any([signal, over.signal]))]);
    over.abort();
    const { latest } = feed;
    return latest && elapsed(latest.at, this.#clock.now()) <= TOO_OLD ? latest : undefined;
  }

  drop(container: string): void {
    this.#feeds.get(container)?.close();
    this.#feeds.delete(container);
  }

  close(): void {
    for (const container of this.#feeds.keys()) this.drop(container);
  }

  async #open(container: string, signal: AbortSignal): Promise<Feed> {
    // The stream outlives this one question.
    signal.throwIfAborted();
    const { stream, close } = await this.#engine.open("tell its stats", new AbortController().signal, (docker, to) =>
      docker.getContainer(container).stats(withSignal({ stream: true as const }, to)),
    );
    const first = Promise.withResolvers<void>();
    const feed: Feed = { close, first: first.promise, latest: undefined };
    this.#feeds.get(container)?.close();
    this.#feeds.set(container, feed);
    void forEachLine(stream, LONGEST_LINE, (line) => {
      feed.latest = this.#sample(line) ?? feed.latest;
      if (feed.latest) first.resolve();
    }).then(() => {
      first.resolve();
      if (this.#feeds.get(container) === feed) this.#feeds.delete(container);
    });
    return feed;
  }

  #sample(line: string): WorkStats | undefined {
    const { memory_stats: memory, cpu_stats: cpu, pids_stats: pids } = schema.parse(toJson(line));
    if (memory.usage === undefined) return undefined;
    return {
      at: this.#clock.now(),
      memoryBytes: memory.usage,
      ...(memory.limit === undefined ? {} : { memoryLimitBytes: memory.limit }),
      ...(cpu.cpu_usage.total_usage === undefined ? {} : { cpuMs: cpu.cpu_usage.total_usage / 1e6 }),
      ...(pids.current === undefined ? {} : { pids: pids.current }),
    };
  }
}

function toJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A sample that cannot be read is a missing one.
    return {};
  }
}
