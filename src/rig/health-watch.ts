import type { GpuEvent, GpuHealth, GpuInfo, GpuReading } from "../gpu/source.ts";
import type { GpuFaultKind } from "../ledger/gpu-faults.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { elapsed, hours, type Millis, millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { classOf, isOwnStop } from "./xid.ts";

const FIRST_QUIET = minutes(1);
const LONGEST_QUIET = hours(1);
const REMEMBERED_XIDS = 64;
/** Reports of one and the same fault come in bursts. */
const SAME_FAULT = seconds(5);

/** Why a GPU gets no work. */
export interface Isolation {
  readonly reason: string;
  /** When it may come back, on the steady clock; undefined while it is not healthy. */
  readonly until: UnixMs | undefined;
}

export interface HealthWatchParts {
  readonly info: GpuInfo;
  readonly ledger: Pick<Ledger, "gpuFaults">;
  readonly clock: Clock;
  readonly steady: Clock;
  readonly logger: Logger;
  /** Called when the GPU's loop should look at once. */
  readonly onTrouble: () => void;
}

interface SeenXid {
  readonly xid: number;
  readonly at: UnixMs;
}

/**
 * Whether one GPU can be trusted with work. Readings, the driver's events and failed handovers speak against it; a
 * quiet time, longer with every fault of its slot in a day, speaks for it. Owned by the GPU's loop.
 */
export class HealthWatch {
  readonly #parts: HealthWatchParts;
  #isolated: { readonly reason: string; readonly at: UnixMs; readonly quiet: Millis; okSince?: UnixMs } | undefined;
  #xids: readonly SeenXid[] = [];
  #workFault: string | undefined;

  constructor(parts: HealthWatchParts) {
    this.#parts = parts;
  }

  /** What the driver tells unasked. */
  told(event: GpuEvent): void {
    if (event.kind === "health") this.#see(event.health);
    if (event.kind === "xid") this.#takeXid(event.xid);
    this.#parts.onTrouble();
  }

  saw({ health }: GpuReading): void {
    this.#see(health);
  }

  /** A handover left the GPU in a state that no work can be trusted with. */
  quarantine(reason: string): void {
    this.#isolate("quarantined", reason);
  }

  /** Undefined while the GPU may work. */
  get isolation(): Isolation | undefined {
    const { steady, logger, info } = this.#parts;
    const isolated = this.#isolated;
    if (isolated === undefined) return undefined;
    const { reason, okSince, quiet } = isolated;
    if (okSince === undefined) return { reason, until: undefined };
    if (elapsed(okSince, steady.now()) < quiet) return { reason, until: unixMs(okSince + quiet) };
    this.#isolated = undefined;
    logger.info("the GPU is trusted with work again", { gpu: info.uuid });
    return undefined;
  }

  /** The last Xid after `from` on the steady clock; our own stops of programs do not count. */
  xidSince(from: UnixMs): number | undefined {
    return this.#xids.findLast(({ xid, at }) => at > from && !isOwnStop(xid))?.xid;
  }

  get lastXid(): number | undefined {
    return this.#xids.findLast(({ xid }) => !isOwnStop(xid))?.xid;
  }

  /** Once: the Xid after which the program that runs cannot be trusted any more. */
  takeWorkFault(): string | undefined {
    const fault = this.#workFault;
    this.#workFault = undefined;
    return fault;
  }

  /** How often a card in this slot was isolated in the last 24 hours, restarts of the agent included. */
  get slotFaults(): number {
    const { ledger, clock } = this.#parts;
    return ledger.gpuFaults.countSince(this.#slot, unixMs(clock.now() - hours(24)));
  }

  get #slot(): string {
    const { pciBusId, uuid } = this.#parts.info;
    return pciBusId ?? uuid;
  }

  #see(health: GpuHealth): void {
    if (health === "lost") this.#isolate("lost", "the GPU is lost: it does not answer the driver any more");
    if (health === "reset-required") this.#isolate("reset-required", "the driver wants the GPU reset");
    if (health === "ok" && this.#isolated !== undefined) this.#isolated.okSince ??= this.#parts.steady.now();
  }

  #takeXid(xid: number): void {
    const { steady, logger, info } = this.#parts;
    this.#xids = [...this.#xids.slice(1 - REMEMBERED_XIDS), { xid, at: steady.now() }];
    const kind = classOf(xid);
    const facts = { gpu: info.uuid, xid, means: kind };
    if (kind === "routine") logger.info("the driver reported an Xid", facts);
    else logger.warn("the driver reported an Xid", facts);
    if (kind === "restart-work")
      this.#workFault = `the driver reported Xid ${xid}, after which its work is not trusted`;
    if (kind === "reset-gpu")
      this.#isolate("xid", `the driver reported Xid ${xid}, after which a GPU needs a reset`, xid);
  }

  #isolate(kind: GpuFaultKind, reason: string, xid?: number): void {
    const { steady, clock, ledger, logger, info } = this.#parts;
    const now = steady.now();
    const before = this.#isolated;
    if (before !== undefined && (before.okSince === undefined || elapsed(before.at, now) < SAME_FAULT)) return;
    const facts = { gpu: info.uuid, slot: this.#slot };
    const detail = xid === undefined ? {} : { xid };
    ledger.gpuFaults.append({ ...facts, ...detail, at: clock.now(), kind, reason });
    const count = this.slotFaults;
    const quiet = millis(Math.min(LONGEST_QUIET, FIRST_QUIET * 2 ** Math.max(0, count - 1)));
    this.#isolated = { reason, at: now, quiet };
    logger.error("the GPU is taken out of service", { ...facts, reason, faultsOfSlotIn24h: count });
  }
}
