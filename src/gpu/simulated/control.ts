import type { GpuUuid } from "../../ledger/rows.ts";
import { type Watts, watts } from "../../units/energy.ts";
import type { ClockDomain, ClockLock, ControlOutcome, GpuControl, GpuSettings } from "../source.ts";
import type { PowerCap, SimulatedGpu } from "./machine.ts";

/** A GPU as the script has it now; undefined while nothing can be set on it. */
export type FindGpu = (uuid: GpuUuid) => { readonly gpu: SimulatedGpu; readonly now: number } | undefined;

type Refusal = Extract<ControlOutcome, { kind: "refused" }>["reason"];

const DONE: ControlOutcome = { kind: "done" };
const refuse = (reason: Refusal): ControlOutcome => ({ kind: "refused", reason });

/** Remembers what was set on invented GPUs: a limit caps the power of the script, a lock holds the clock. */
export class SimulatedControl implements GpuControl {
  readonly #find: FindGpu;
  readonly #caps = new Map<GpuUuid, PowerCap[]>();
  readonly #locks = new Map<string, ClockLock>();

  constructor(find: FindGpu) {
    this.#find = find;
  }

  /** Oldest first. */
  capsOf(uuid: GpuUuid): readonly PowerCap[] {
    return this.#caps.get(uuid) ?? [];
  }

  /** As a reload of the driver does. */
  forget(): void {
    this.#caps.clear();
    this.#locks.clear();
  }

  readSettings(uuid: GpuUuid, signal: AbortSignal): Promise<GpuSettings> {
    return settle(signal, () => {
      const gpu = this.#find(uuid)?.gpu;
      return gpu === undefined ? {} : this.#settingsOf(uuid, gpu);
    });
  }

  setPowerLimit(uuid: GpuUuid, limit: Watts, signal: AbortSignal): Promise<ControlOutcome> {
    return this.#set(uuid, signal, ({ numbers }, at) => {
      const most = numbers.get("highest-limit") ?? numbers.get("limit");
      if (most === undefined) return refuse("not-supported");
      if (!(limit > 0 && limit >= (numbers.get("lowest-limit") ?? 0) && limit <= most)) return refuse("out-of-range");
      this.#caps.set(uuid, [...this.capsOf(uuid), { at, watts: limit }]);
      return DONE;
    });
  }

  lockClocks(uuid: GpuUuid, lock: ClockLock, signal: AbortSignal): Promise<ControlOutcome> {
    return this.#set(uuid, signal, ({ numbers }) => {
      if (!numbers.has(`${lock.domain}-mhz`)) return refuse("not-supported");
      if (!(lock.lowestMhz >= 0 && lock.highestMhz >= lock.lowestMhz)) return refuse("out-of-range");
      this.#locks.set(`${uuid} ${lock.domain}`, lock);
      return DONE;
    });
  }

  resetClocks(uuid: GpuUuid, domain: ClockDomain, signal: AbortSignal): Promise<ControlOutcome> {
    return this.#set(uuid, signal, ({ numbers }) => {
      if (!numbers.has(`${domain}-mhz`)) return refuse("not-supported");
      this.#locks.delete(`${uuid} ${domain}`);
      return DONE;
    });
  }

  #set(
    uuid: GpuUuid,
    signal: AbortSignal,
    set: (gpu: SimulatedGpu, now: number) => ControlOutcome,
  ): Promise<ControlOutcome> {
    return settle(signal, () => {
      const found = this.#find(uuid);
      if (found === undefined) return { kind: "unavailable" };
      const refused = found.gpu.texts.get("control");
      if (refused === "no-permission" || refused === "not-supported") return refuse(refused);
      return set(found.gpu, found.now);
    });
  }

  #settingsOf(uuid: GpuUuid, { numbers }: SimulatedGpu): GpuSettings {
    const limit = numbers.get("limit");
    const [lowest, highest] = [numbers.get("lowest-limit"), numbers.get("highest-limit") ?? limit];
    const powerLimit = this.capsOf(uuid).at(-1)?.watts ?? limit;
    const [graphicsMhz, memoryMhz] = [this.#clock(uuid, "graphics", numbers), this.#clock(uuid, "memory", numbers)];
    return {
      ...(powerLimit === undefined ? {} : { powerLimit: watts(powerLimit) }),
      ...(lowest === undefined ? {} : { lowestPowerLimit: watts(lowest) }),
      ...(highest === undefined ? {} : { highestPowerLimit: watts(highest) }),
      ...(limit === undefined ? {} : { defaultPowerLimit: watts(limit) }),
      ...(graphicsMhz === undefined ? {} : { graphicsMhz }),
      ...(memoryMhz === undefined ? {} : { memoryMhz }),
    };
  }

  #clock(uuid: GpuUuid, domain: ClockDomain, numbers: ReadonlyMap<string, number>): number | undefined {
    const clock = numbers.get(`${domain}-mhz`);
    const lock = this.#locks.get(`${uuid} ${domain}`);
    if (clock === undefined || lock === undefined) return clock;
    return Math.max(lock.lowestMhz, Math.min(lock.highestMhz, clock));
  }
}

/** Does it at once, unless nobody waits for it any more. */
export const settle = <T>(signal: AbortSignal, work: () => T): Promise<T> =>
  new Promise((resolve) => {
    signal.throwIfAborted();
    resolve(work());
  });
