import { isLaterLoad } from "../gpu/driver-load.ts";
import type { GpuEvent, GpuHealth, GpuInfo, GpuReading } from "../gpu/source.ts";
import type { GpuFaultKind } from "../ledger/gpu-faults.ts";
import type { GpuHoldRow } from "../ledger/gpu-holds.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { MilliJoules } from "../units/energy.ts";
import { elapsed, hours, type Millis, millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { classOf, isOwnStop, needsResetProof } from "./xid.ts";

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
  /** It was quiet for long enough; what is missing is the proof that nothing of ours holds it any more. */
  readonly isUnproven?: true;
}

interface Isolated {
  readonly reason: string;
  readonly kind: GpuFaultKind;
  readonly at: UnixMs;
  readonly quiet: Millis;
  okSince: UnixMs | undefined;
  /** What a look for the proof has found instead. */
  problem?: string;
}

export interface HealthWatchParts {
  readonly info: GpuInfo;
  readonly ledger: Pick<Ledger, "gpuFaults" | "gpuHolds">;
  /** Whether the operator works on this GPU: that it goes away meanwhile is no fault. */
  readonly isReleased: () => boolean;
  /** Names the machine's boot and the load of the driver now. */
  readonly driverLoad: () => string;
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
  #isolated: Isolated | undefined;
  #xids: readonly SeenXid[] = [];
  #workFault: string | undefined;
  #energy: MilliJoules | undefined;
  /** What only a reset mends, of this agent's time or of an earlier one's. */
  #hold: GpuHoldRow | undefined;

  constructor(parts: HealthWatchParts) {
    this.#parts = parts;
    this.#hold = parts.ledger.gpuHolds.of(parts.info.uuid);
  }

  /** What the driver tells unasked. */
  told(event: GpuEvent): void {
    if (event.kind === "health") this.#see(event.health);
    if (event.kind === "xid") this.#takeXid(event.xid);
    this.#parts.onTrouble();
  }

  saw({ health, energy, energyBasis }: GpuReading): void {
    this.#see(health);
    const counter = energyBasis === "counter" ? energy : undefined;
    const before = this.#hold?.energy;
    if (counter !== undefined && before !== undefined && counter < before) this.#release("its counter began anew");
    if (counter !== undefined) this.#energy = counter;
  }

  /** The GPU could not be read: nobody knows how it is. */
  unread(): void {
    if (this.#isolated !== undefined) this.#isolated.okSince = undefined;
  }

  /** The operator says that the GPU may work again, whatever nobody else can prove. */
  vouch(): void {
    this.#release("the operator says so");
  }

  /** A handover left the GPU in a state that no work can be trusted with. */
  quarantine(reason: string): void {
    this.#isolate("quarantined", reason);
  }

  /** Undefined while the GPU may work. */
  get isolation(): Isolation | undefined {
    const { steady } = this.#parts;
    const held = this.#held;
    if (held !== undefined) return held;
    const isolated = this.#isolated;
    if (isolated === undefined) return undefined;
    const { reason, kind, okSince, quiet, problem } = isolated;
    if (okSince === undefined) return { reason, until: undefined };
    if (elapsed(okSince, steady.now()) < quiet) return { reason, until: unixMs(okSince + quiet) };
    if (kind === "quarantined") {
      const words = problem === undefined ? reason : `${reason}; it is not free yet: ${problem}`;
      return { reason: words, until: undefined, isUnproven: true };
    }
    this.#trust();
    return undefined;
  }

  /** What a look at a GPU that was not free has found; undefined where nothing of ours holds it any more. */
  looked(problem: string | undefined): void {
    if (this.#isolated === undefined) return;
    if (problem === undefined) this.#trust();
    else this.#isolated.problem = problem;
  }

  #trust(): void {
    this.#isolated = undefined;
    this.#parts.logger.info("the GPU is trusted with work again", { gpu: this.#parts.info.uuid });
  }

  /** Quiet alone does not bring such a GPU back, nor does a new start of the agent. */
  get #held(): Isolation | undefined {
    const { info, driverLoad } = this.#parts;
    if (this.#hold !== undefined && isLaterLoad(this.#hold.driverLoad, driverLoad()))
      this.#release("the machine was booted or the driver loaded anew");
    if (this.#hold === undefined) return undefined;
    const proof = "a reset, a reboot or a new load of the driver";
    const order = `rigshift mode auto --gpu ${info.uuid}`;
    const reason = `the driver reported Xid ${this.#hold.xid}; it works again after ${proof}, or once you say so: ${order}`;
    return { reason, until: undefined };
  }

  #release(why: string): void {
    const { ledger, info, logger } = this.#parts;
    if (this.#hold === undefined) return;
    ledger.gpuHolds.release(info.uuid);
    this.#hold = undefined;
    logger.info("the GPU need not be reset any more", { gpu: info.uuid, why });
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
    if (this.#parts.isReleased()) return;
    if (health === "lost") this.#isolate("lost", "the GPU is lost: it does not answer the driver any more");
    if (health === "reset-required") this.#isolate("reset-required", "the driver wants the GPU reset");
    // Quiet counts while it is known to be well.
    if (health !== "ok") this.unread();
    else if (this.#isolated !== undefined) this.#isolated.okSince ??= this.#parts.steady.now();
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
    if (needsResetProof(xid) && this.#hold === undefined) {
      const { ledger, clock, driverLoad } = this.#parts;
      this.#hold = { xid, since: clock.now(), driverLoad: driverLoad(), energy: this.#energy };
      ledger.gpuHolds.hold(info.uuid, this.#hold);
    }
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
    this.#isolated = { reason, kind, at: now, quiet, okSince: undefined };
    logger.error("the GPU is taken out of service", { ...facts, reason, faultsOfSlotIn24h: count });
  }
}
