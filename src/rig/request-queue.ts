import type { Admittance, Demand, Grant, RefusalReason } from "../inference/gpu-port.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { LingerLearner } from "../policy/gap/linger-learner.ts";
import type { Queue } from "../policy/types.ts";
import { type UsdNano, usdNano } from "../units/money.ts";
import { after, elapsed, type Millis, millis, toSeconds, type UnixMs } from "../units/time.ts";

/** What an open gate needs of the GPU: where the engine is, and the metering around each request. */
export interface Gate {
  readonly engine: string;
  /** How many requests the engine answers at once; the others wait here, where their joules are not counted. */
  readonly slots: number;
  begin(jobId: string): Promise<void>;
  /** `tokensOut`, where the engine counted them, teaches the engine's speed. */
  end(jobId: string, tokensOut?: number): Promise<void>;
}

export interface QueueOptions {
  readonly gpu: GpuUuid;
  readonly clock: Clock;
  readonly maxWait: Millis;
  readonly limit: number;
  /** Called when a request arrives or the last one leaves, so that the GPU's loop looks again. */
  readonly onChange: () => void;
}

interface Waiting {
  readonly demand: Demand;
  readonly since: UnixMs;
  /** `false` when the request had been answered before, or its client had gone. */
  readonly settle: (admittance: Admittance) => boolean;
}

/** The requests of one GPU. Anybody may enqueue; only the GPU's loop opens, closes and empties it. */
export class RequestQueue {
  readonly #options: QueueOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #active = new Set<AbortController>();
  readonly #drained = new Set<() => void>();
  #gate: Gate | undefined;
  #closedFor: { reason: RefusalReason; why: string; until?: UnixMs } | undefined;
  #idleSince: UnixMs;
  #granted = usdNano(0);
  /** Taught by every request that was answered. */
  readonly learner = new LingerLearner();

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#idleSince = options.clock.now();
  }

  enqueue(demand: Demand, signal: AbortSignal): Promise<Admittance> {
    const { clock, limit, maxWait, onChange } = this.#options;
    const closed = this.#closedFor;
    if (signal.aborted) return Promise.resolve({ kind: "aborted" });
    if (closed !== undefined)
      return Promise.resolve(refusal(closed.reason, closed.why, this.#retryAfter(closed.until)));
    if (this.#waiting.size + this.#active.size >= limit)
      return Promise.resolve(refusal("queue-full", `${limit} requests already wait for this GPU`, maxWait));
    if (this.#gate === undefined && demand.barred !== undefined)
      return Promise.resolve(refusal("refused-often", demand.barred.why, demand.barred.length));
    const since = clock.now();
    if (this.#gate !== undefined && this.#active.size < this.#gate.slots) return this.#grant(demand, this.#gate, since);
    const { promise, resolve } = Promise.withResolvers<Admittance>();
    let open = true;
    const settle = (admittance: Admittance): boolean => {
      if (!open) return false;
      open = false;
      this.#waiting.delete(waiting);
      signal.removeEventListener("abort", leave);
      resolve(admittance);
      return true;
    };
    const leave = () => settle({ kind: "aborted" });
    const waiting: Waiting = { demand, since, settle };
    signal.addEventListener("abort", leave, { once: true });
    this.#waiting.add(waiting);
    onChange();
    return promise;
  }

  facts(): Queue {
    const waiting = [...this.#waiting];
    const oldest = waiting[0]?.since;
    const worth = usdNano(waiting.reduce((sum, { demand }) => sum + demand.worth, 0));
    return {
      waiting: waiting.length,
      active: this.#active.size,
      worth,
      ...(oldest === undefined ? {} : { oldest }),
    };
  }

  /** The tokens that those which wait are expected to be answered with. */
  get waitingTokens(): number {
    return [...this.#waiting].reduce((sum, { demand }) => sum + (demand.tokensOut ?? 0), 0);
  }

  /** Price × expected tokens of all that was granted since the gate opened. */
  get grantedWorth(): UsdNano {
    return this.#granted;
  }

  /** When the last request ended; undefined while one runs. */
  get idleSince(): UnixMs | undefined {
    return this.#active.size === 0 ? this.#idleSince : undefined;
  }

  /** Grants everything that waits, and everything that arrives, until `closeGate`. */
  openGate(gate: Gate): void {
    this.#gate = gate;
    this.#closedFor = undefined;
    this.#idleSince = this.#options.clock.now();
    this.#granted = usdNano(0);
    this.#admitNext();
  }

  /** Grants what waits, oldest first, while the engine has a slot free. */
  #admitNext(): void {
    const gate = this.#gate;
    if (gate === undefined) return;
    for (const waiting of [...this.#waiting].slice(0, Math.max(0, gate.slots - this.#active.size))) {
      this.#waiting.delete(waiting);
      void this.#admit(waiting, gate);
    }
  }

  /** A client that left while its grant was made gives it straight back. */
  async #admit({ demand, since, settle }: Waiting, gate: Gate): Promise<void> {
    try {
      const admittance = await this.#grant(demand, gate, since);
      if (!settle(admittance) && admittance.kind === "granted") await admittance.grant.release();
    } catch (error) {
      settle(refusal("engine-failed", messageOf(error), this.#options.maxWait));
    }
  }

  /** Later arrivals wait; running ones go on. */
  closeGate(): void {
    this.#gate = undefined;
  }

  /** Refuses what waits and what arrives, saying why, until the gate opens or `accept` is called. */
  refuseAll(reason: RefusalReason, why: string, until?: UnixMs): void {
    this.#closedFor = { reason, why, ...(until === undefined ? {} : { until }) };
    for (const waiting of [...this.#waiting]) waiting.settle(refusal(reason, why, this.#retryAfter(until)));
  }

  /** True while everything that comes is refused. */
  get isClosed(): boolean {
    return this.#closedFor !== undefined;
  }

  accept(): void {
    this.#closedFor = undefined;
  }

  /** Refuses what has waited longer than `maxWait`; `sayWhy` may know better than that no GPU became free. */
  expire(sayWhy: (worth: UsdNano) => string | undefined = () => undefined): void {
    const { clock, maxWait } = this.#options;
    const late = [...this.#waiting].filter(({ since }) => elapsed(since, clock.now()) >= maxWait);
    // All are judged before the first leaves, because they waited together.
    const refusals = late.map(({ demand }) => sayWhy(demand.worth) ?? "no GPU became free in time");
    for (const [index, why] of refusals.entries()) late[index]?.settle(refusal("max-wait", why, maxWait));
  }

  /** The moment the oldest waiting request must be refused. */
  get nextExpiry(): UnixMs | undefined {
    const oldest = this.facts().oldest;
    return oldest === undefined ? undefined : after(oldest, this.#options.maxWait);
  }

  /** Resolves when no request runs, or when `signal` fires. */
  drained(signal: AbortSignal): Promise<void> {
    if (this.#active.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Takes the GPU back from requests that did not end in time. */
  revoke(): void {
    for (const active of this.#active) active.abort();
  }

  async #grant(demand: Demand, gate: Gate, arrived: UnixMs): Promise<Admittance> {
    const revoked = new AbortController();
    this.#active.add(revoked);
    this.#granted = usdNano(this.#granted + demand.worth);
    try {
      await gate.begin(demand.jobId);
    } catch (error) {
      this.#leave(revoked);
      throw error;
    }
    const { clock } = this.#options;
    const began = clock.monotonic();
    const waited = elapsed(arrived, clock.now());
    let released: Promise<void> | undefined;
    const release = (tokensOut?: number): Promise<void> => {
      released ??= gate.end(demand.jobId, tokensOut).finally(() => {
        const service = millis(clock.monotonic() - began);
        if (!demand.isTrial) this.learner.served(toSeconds(millis(began - waited)), toSeconds(service));
        this.#leave(revoked);
      });
      return released;
    };
    const grant: Grant = { gpu: this.#options.gpu, engine: gate.engine, revoked: revoked.signal, release };
    return { kind: "granted", grant };
  }

  #leave(active: AbortController): void {
    this.#active.delete(active);
    this.#admitNext();
    if (this.#active.size > 0) return;
    this.#idleSince = this.#options.clock.now();
    for (const resolve of this.#drained) resolve();
    this.#drained.clear();
    this.#options.onChange();
  }

  #retryAfter(until: UnixMs | undefined): Millis {
    const { clock, maxWait } = this.#options;
    return until === undefined ? maxWait : millis(Math.max(0, elapsed(clock.now(), until)));
  }
}

const refusal = (reason: RefusalReason, why: string, retryAfter: Millis): Admittance => ({
  kind: "refused",
  reason,
  why,
  retryAfter,
});
