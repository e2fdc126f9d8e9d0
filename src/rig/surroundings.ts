import type { GpuInfo, GpuReading } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { AdoptedWork } from "../workloads/driver.ts";
import type { EngineControl } from "./engine-control.ts";
import { type Claim, type GuestRules, GuestWatch } from "./guest-watch.ts";
import { HealthWatch, type HealthWatchParts } from "./health-watch.ts";
import { Bars, type Choice, chooseRung, type Residence } from "./ladder.ts";
import type { MeterBook } from "./meter-book.ts";
import type { Outcome } from "./outcome.ts";
import type { Roster } from "./roster.ts";
import type { Route } from "./steps.ts";
import { type VerifyParts, verifyFree, verifyHardwareQuiet, type Wanted } from "./verify.ts";
import { freeTarget, VramBook } from "./vram-book.ts";

export interface SurroundingsParts extends HealthWatchParts {
  readonly ledger: Pick<Ledger, "gpuFaults" | "gpuHolds" | "baselines">;
  readonly info: GpuInfo;
  readonly clock: Clock;
  readonly steady: Clock;
  readonly meter: MeterBook;
  readonly guestRules: GuestRules;
  readonly roster: Roster;
  /** MiB of the machine's memory that nobody uses. */
  readonly hostFree: () => number;
}

/** What the hardware says about one GPU beside its own work: health, memory, and who else is there. Owned by its loop. */
export class Surroundings {
  readonly health: HealthWatch;
  readonly roster: Roster;
  readonly #parts: SurroundingsParts;
  readonly #vram: VramBook;
  readonly #guests: GuestWatch;
  readonly #bars = new Bars();
  #engine: Pick<EngineControl, "isAsleep" | "canSleep" | "state"> | undefined;
  #isHosting = false;

  constructor(parts: SurroundingsParts) {
    this.#parts = parts;
    this.health = new HealthWatch(parts);
    this.roster = parts.roster;
    this.#vram = new VramBook(parts.info);
    this.#guests = new GuestWatch(parts.guestRules, parts.steady);
  }

  /** Whose sleep the ladder may use. */
  useEngine(engine: Pick<EngineControl, "isAsleep" | "canSleep" | "state">): void {
    this.#engine = engine;
  }

  /** Whether the strangers on the GPU are those of an external workload that we started: then they are no guests. */
  host(isHosting: boolean): void {
    this.#isHosting = isHosting;
    if (isHosting) this.#guests.forget();
  }

  /** Takes in a reading, of a look or from within a handover. */
  observe(reading: GpuReading): void {
    this.health.saw(reading);
    const occupants = this.roster.occupants(reading);
    this.#vram.observe(reading, occupants, this.#engine?.isAsleep === true);
    this.#guests.saw(this.#isHosting ? [] : occupants?.strangers, this.roster);
  }

  /** Takes in a reading from within a handover; `isTheirStart`: whoever comes may be whom we let in. */
  glimpse(reading: GpuReading, isTheirStart: boolean): void {
    this.health.saw(reading);
    if (!isTheirStart) this.#guests.saw(this.roster.occupants(reading)?.strangers, this.roster);
  }

  /** The containers of others that were promised this GPU. */
  claimed(claims: readonly Claim[]): void {
    this.#guests.claimed(claims);
  }

  /** Work of an earlier agent is no guest, however long the Engine took to tell of it. */
  adopt(work: AdoptedWork): void {
    this.roster.adopt(work);
    this.#guests.forget();
  }

  get guest(): GuestWatch["guest"] {
    return this.#guests.guest;
  }

  /** How the loser of the next handover is treated, from what was measured so far. */
  get residence(): Choice {
    const { steady, hostFree } = this.#parts;
    const facts = { vram: this.#vram.facts, canSleep: this.#engine?.canSleep === true, hostFreeMiB: hostFree() };
    return chooseRung(facts, (rung) => this.#bars.isBarred(rung, steady.now()));
  }

  bar(rung: Residence): void {
    this.#bars.failed(rung, this.#parts.steady.now());
  }

  unbar(rung: Residence): void {
    this.#bars.succeeded(rung);
  }

  /** A GPU that did not become free is not used further, unless it is a guest that holds it. */
  notFree(reason: string): void {
    const { reading } = this.#parts.meter.latest;
    const strangers = reading === undefined ? [] : (this.roster.occupants(reading)?.strangers ?? []);
    if (strangers.length === 0) this.health.quarantine(reason);
  }

  /** Whether the GPU is free for the one that comes. */
  verifyFree(
    { from, to }: Route,
    verify: Pick<VerifyParts, "xid">,
    winnerIsUp: boolean,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const winner = to === "hashing" ? "miner" : to === "inference" ? "engine" : undefined;
    const engineSleeps = this.#engine?.isAsleep === true;
    const target = winnerIsUp ? undefined : freeTarget(this.#vram.facts, winner, engineSleeps);
    return verifyFree(this.#verifyParts(verify), this.#wanted(losersOf({ from, to }, engineSleeps), target), signal);
  }

  #wanted(gone: Wanted["gone"], target: number | undefined): Wanted {
    const total = this.#parts.info.vramTotalMiB;
    return {
      gone,
      ...(target === undefined ? {} : { free: target }),
      ...(total === undefined ? {} : { totalMiB: total }),
      ...(this.#idlePower === undefined ? {} : { idleW: this.#idlePower }),
      holdsNothing: this.#parts.info.uuid.startsWith("CPU-"),
    };
  }

  /** Why the GPU is not free of all that we ran on it; undefined when it is. */
  async whyNotFree(signal: AbortSignal): Promise<string | undefined> {
    // What came before the fault is known; only what the driver tells from now on counts.
    const began = this.#parts.steady.now();
    const xid = () => this.health.xidSince(began);
    const ours = ["miner", "engine"] as const;
    const outcome = await verifyFree(this.#verifyParts({ xid }), this.#wanted(ours, this.#emptyTarget), signal);
    if (outcome.kind === "done") return undefined;
    return outcome.kind === "failed" ? outcome.reason : "the look was cut short";
  }

  /** What is free of a card with nothing of ours on it. */
  get #emptyTarget(): number | undefined {
    return freeTarget(this.#vram.facts, undefined, false);
  }

  verifyQuiet(verify: Pick<VerifyParts, "xid">, signal: AbortSignal): Promise<Outcome> {
    return verifyHardwareQuiet(this.#verifyParts(verify), this.#idlePower, signal);
  }

  get #idlePower(): number | undefined {
    const known = this.#parts.ledger.baselines.of(this.#parts.info.uuid);
    return (known.find(({ level }) => level === "parked") ?? known.find(({ level }) => level === "bare"))?.power;
  }

  #verifyParts({ xid }: Pick<VerifyParts, "xid">): VerifyParts {
    const { clock, meter } = this.#parts;
    return {
      clock,
      xid,
      read: async (signal) => {
        const reading = await meter.look(signal);
        if (reading !== undefined) this.observe(reading);
        return reading;
      },
      occupants: (reading) => {
        const seen = this.roster.occupants(reading);
        return seen && { ...seen, strangers: this.#guests.unknown(seen.strangers, this.roster) };
      },
    };
  }
}

/** Whose processes must be gone before the next owner comes. */
function losersOf({ from, to }: Route, engineSleeps: boolean): Wanted["gone"] {
  if (to === "external") return ["miner", "engine"];
  if (from === "external") return ["strangers"];
  if (from === "hashing") return ["miner"];
  return to === "hashing" && !engineSleeps ? ["engine"] : [];
}
