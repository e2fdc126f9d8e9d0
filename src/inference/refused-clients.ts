import type { Clock } from "../lib/clock.ts";
import { type Millis, millis, minutes } from "../units/time.ts";

const ALLOWED = 3;
const WINDOW = minutes(15);
const MOST_CLIENTS = 10_000;

/**
 * Who woke the engine for what it then refused. After three refusals within a quarter of an hour, and no answer between
 * them, a client's requests wake it no more until the window has passed; while it is awake they are answered.
 */
export class RefusedClients {
  readonly #clock: Clock;
  /** When each client was refused, newest last; the client refused longest ago comes first. */
  readonly #refusals = new Map<string, readonly Millis[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  refused(client: string): void {
    const times = [...this.#lately(client), this.#clock.monotonic()].slice(-ALLOWED);
    this.#refusals.delete(client);
    this.#refusals.set(client, times);
    if (this.#refusals.size <= MOST_CLIENTS) return;
    const [oldest] = this.#refusals.keys();
    if (oldest !== undefined) this.#refusals.delete(oldest);
  }

  answered(client: string): void {
    this.#refusals.delete(client);
  }

  /** How long the client's requests wake nothing; undefined when they may. */
  barredFor(client: string): Millis | undefined {
    const times = this.#lately(client);
    const [oldest] = times;
    if (oldest === undefined || times.length < ALLOWED) return undefined;
    return millis(oldest + WINDOW - this.#clock.monotonic());
  }

  #lately(client: string): readonly Millis[] {
    const now = this.#clock.monotonic();
    return (this.#refusals.get(client) ?? []).filter((at) => now - at < WINDOW);
  }
}
