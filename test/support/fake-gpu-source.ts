import type { GpuEvent, GpuHealth, GpuInfo, GpuReading, GpuSource } from "../../src/gpu/source.ts";
import type { GpuUuid } from "../../src/ledger/rows.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { milliJoules, watts } from "../../src/units/energy.ts";

/** One GPU with an exact energy counter that draws what the test says, on the test's clock. */
export class FakeGpuSource implements GpuSource {
  readonly kind = "simulated";
  readonly uuid: GpuUuid;
  /** Thrown by every read while set. */
  fault: Error | undefined;
  /** Merged into what the GPU says of itself once. */
  identity: Partial<GpuInfo> = {};
  /** Merged into every reading. */
  changes: Partial<GpuReading> = {};
  /** Merged into every reading before `changes`, as it is at that moment. */
  live: () => Partial<GpuReading> = () => ({});
  /** Whether the driver says who is on the GPU: nobody, unless the test says otherwise. */
  listsProcesses = true;
  reads = 0;
  readonly #clock: Clock;
  #watts = 100;
  #millijoules = 0;
  #since = 0;
  readonly #listeners = new Set<(event: GpuEvent) => void>();

  constructor(clock: Clock, uuid: GpuUuid) {
    this.#clock = clock;
    this.uuid = uuid;
  }

  get watts(): number {
    return this.#watts;
  }

  /** What the GPU draws from now on. */
  set watts(value: number) {
    this.#count();
    this.#watts = value;
  }

  /** All that the GPU has drawn so far. */
  get millijoules(): number {
    this.#count();
    return this.#millijoules;
  }

  get info(): GpuInfo {
    return { uuid: this.uuid, index: 0, name: "fake GPU", ...this.identity };
  }

  list(): Promise<readonly GpuInfo[]> {
    return Promise.resolve([this.info]);
  }

  read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading> {
    this.reads++;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.fault) return Promise.reject(this.fault);
    return Promise.resolve({
      uuid,
      at: this.#clock.now(),
      monotonic: this.#clock.monotonic(),
      health: "ok",
      power: watts(this.#watts),
      energy: milliJoules(this.millijoules),
      energyBasis: "counter",
      epoch: "boot-1",
      powerLimit: watts(300),
      ...(this.listsProcesses ? { processes: [] } : {}),
      ...this.live(),
      ...this.changes,
    });
  }

  onEvent(listener: (event: GpuEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The driver tells something unasked. */
  tell(event: { kind: "xid"; xid: number } | { kind: "health"; health: GpuHealth }): void {
    for (const listener of this.#listeners) listener({ uuid: this.uuid, at: this.#clock.now(), ...event });
  }

  /** How many listen to the driver. */
  get listeners(): number {
    return this.#listeners.size;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #count(): void {
    const now = this.#clock.monotonic();
    this.#millijoules += this.#watts * (now - this.#since);
    this.#since = now;
  }
}
