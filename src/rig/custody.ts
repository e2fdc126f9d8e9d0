import { LedgerError } from "../ledger/errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, HandoverState, Rung, TransitionEnd } from "../ledger/rows.ts";
import { RESTING, toRoute, toWork, type Work } from "../ledger/work.ts";
import { type Clock, stopwatch } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { after, elapsed, type Millis, millis, seconds, type UnixMs } from "../units/time.ts";
import { CardSettings } from "./card-settings.ts";
import type { Cooldown } from "./cooldown.ts";
import type { EngineControl } from "./engine-control.ts";
import type { FlightSheet, FlightSheets } from "./flight-sheets.ts";
import { type Handover, type HandoverOutcome, type HandoverParts, runEviction, runHandover } from "./handover.ts";
import type { MeterBook } from "./meter-book.ts";
import { ABORTED, Cut, cutBy, DONE, failed, type Outcome, wordsOf } from "./outcome.ts";
import type { OwnClaim } from "./own-claim.ts";
import { isAtRest, isClear } from "./own-work.ts";
import type { RateBook } from "./rates.ts";
import type { RequestQueue } from "./request-queue.ts";
import type { ServedRates } from "./served-rates.ts";
import { createGate } from "./serving-gate.ts";
import type { StartGap } from "./start-gap.ts";
import { StayJobs } from "./stay-jobs.ts";
import { rungFor, stepsFor } from "./steps.ts";
import type { Surroundings } from "./surroundings.ts";
import type { SwitchBook } from "./switch-book.ts";
import type { GpuTenancies } from "./tenancies.ts";
import type { Trial } from "./trial.ts";
import type { Tuner } from "./tuner.ts";

const STOP_TIMEOUT = seconds(10);
/** A pool that reconnects within this is not away. */
const RECONNECT_GRACE = seconds(3);

export interface CustodyParts {
  readonly gpu: GpuUuid;
  readonly clock: Clock;
  /** The same clock, deaf to being set: for waits and spans. */
  readonly steady: Clock;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly meter: MeterBook;
  readonly queue: RequestQueue;
  readonly rates: RateBook;
  /** Absent when nothing is served. */
  readonly served?: ServedRates;
  readonly cooldown: Cooldown;
  readonly switches: SwitchBook;
  readonly ground: Surroundings;
  readonly claim: OwnClaim;
  readonly tuner: Tuner;
  readonly drainTimeout: Millis;
  readonly gap: StartGap;
  readonly mining?: FlightSheets;
  readonly tenancies: GpuTenancies;
  readonly serving?: { readonly engine: EngineControl };
  readonly onChange: () => void;
}

/** This work on this GPU since then, on the steady clock. */
export interface Assignment extends Work {
  readonly since: UnixMs;
  /** The ledger's job, while hashing or while a guest has the GPU. */
  readonly jobId?: string;
}

/** An eviction takes everything of ours off, whatever of it fails. */
type Manner = "hands-over" | "evicts";

/** One handover under way. */
interface Passage {
  readonly handover: Handover;
  readonly from: Work;
  readonly to: Work;
  readonly how: Manner;
  /** On the steady clock. */
  readonly began: UnixMs;
  /** Of the one to come. */
  readonly jobId: string | undefined;
}

/** Who has the GPU, and the only way to change it: recorded, metered, then acted. Only the GPU's loop calls it. */
export class Custody {
  readonly #parts: CustodyParts;
  #assignment: Assignment;
  #state: HandoverState = "idle";
  #isIsolated = false;
  readonly #jobs: StayJobs;
  readonly #settings: CardSettings;

  constructor(parts: CustodyParts) {
    this.#parts = parts;
    this.#jobs = new StayJobs(parts);
    this.#settings = new CardSettings(parts);
    this.#assignment = { ...RESTING, since: parts.steady.now() };
  }

  get assignment(): Assignment {
    return this.#assignment;
  }

  get state(): HandoverState {
    return this.#state;
  }

  /** What could not be set, or set back, is tried again, beside the looks; also what an agent that was killed had set. */
  keepSettings(signal: AbortSignal): void {
    this.#lookAgain();
    this.#settings.keep(this.#assignment.workload, signal);
  }

  /** What a benchmark tries is set, and taken back, beside the looks. */
  tryOut(trial: Pick<Trial, "tend">, signal: AbortSignal): void {
    this.#settings.beside.begin((until) => trial.tend(this.#assignment.workload, until), signal);
  }

  /** What went on when its handover had ended may have ended since, or been stopped. */
  #lookAgain(): void {
    if (this.#assignment.workload !== "none" || !isAtRest(this.#parts)) return;
    if (this.#state === "faulted" && !this.#isIsolated && isClear(this.#parts)) this.#assign(RESTING, undefined);
    if (this.#state !== "faulted") this.#settings.rest();
  }

  /** What is not set on the GPU as it should be, for people; undefined where all is. */
  get shortfall(): string | undefined {
    return this.#parts.tuner.shortfall;
  }

  /** Takes the GPU off work that failed; its job is booked as interrupted. */
  letGo(reason: string, signal: AbortSignal): Promise<Outcome> {
    this.#interruptJob(reason);
    return this.handOver(RESTING, reason, signal);
  }

  /** Takes the GPU off work that runs on and cannot be trusted: everything of ours is stopped. */
  purge(reason: string, signal: AbortSignal): Promise<Outcome> {
    this.#interruptJob(reason);
    return this.#pass(RESTING, reason, "evicts", signal);
  }

  /** Takes all work of ours off a GPU that cannot be trusted, until `rejoin`; whose it is stays on it, and is metered. */
  async isolate(reason: string, signal: AbortSignal): Promise<Outcome> {
    this.#interruptJob(reason);
    this.#isIsolated = true;
    if (this.#assignment.workload === "external") {
      this.#state = "faulted";
      this.#parts.onChange();
      return DONE;
    }
    return await this.#pass(RESTING, reason, "evicts", signal);
  }

  get isIsolated(): boolean {
    return this.#isIsolated;
  }

  rejoin(): void {
    this.#isIsolated = false;
    const isLet = this.#assignment.workload === "external";
    // What could not be stopped is stopped by the loop before anything else.
    if (this.#state === "faulted" && (isLet || isClear(this.#parts))) this.#state = isLet ? "rented" : "idle";
    this.#settings.settle(this.#assignment.workload, this.#state !== "faulted" && isAtRest(this.#parts));
    this.#parts.onChange();
  }

  /** Leaves the GPU to a guest, or to whoever's name is known; nothing of theirs is touched, and our work did not fail. */
  yieldTo(reason: string, signal: AbortSignal, name?: string): Promise<Outcome> {
    return this.#pass(
      toWork({ workload: "external", ...(name === undefined ? {} : { name }) }),
      reason,
      "evicts",
      signal,
    );
  }

  /** The end of our stay: nobody would hear a share or answer a request, so nothing of ours goes on. */
  async leave(signal: AbortSignal): Promise<void> {
    const { mining, serving, ground, tenancies } = this.#parts;
    // What a customer uses runs on without us; its job stays open, and the next agent takes it over.
    const isLet = this.#assignment.workload === "external" && tenancies.tenant?.kind === "started";
    const isLeft = () => ground.roster.isLeft("miner") || mining?.miner.resident === true;
    try {
      if ((this.#assignment.workload !== "none" && !isLet) || isLeft())
        await this.handOver(RESTING, "the agent is stopping", signal);
    } finally {
      // A handover that was cut short may have stopped nothing and set nothing back.
      if (isLeft()) await this.#cease("miner");
      const stopped = serving?.engine.stop(signal) ?? Promise.resolve();
      await stopped.finally(() => this.#settings.leave());
    }
  }

  handOver(to: Work, reason: string, signal: AbortSignal): Promise<Outcome> {
    return this.#pass(to, reason, "hands-over", signal);
  }

  /** Runs one handover with its ledger row, its metering and its job around it; an eviction takes all of ours off. */
  async #pass(to: Work, reason: string, how: Manner, signal: AbortSignal): Promise<Outcome> {
    const { clock, steady, ledger, gpu, meter, tenancies } = this.#parts;
    const from = toWork(this.#assignment);
    // What external work took to end came first, and is part of what leaving it costs.
    const head = to.workload === "none" ? tenancies.endTook(from) : millis(0);
    const handover = this.#plan(from, to);
    const rung = rungFor(to.workload, handover.residents, handover.residence);
    const started = after(clock.now(), millis(-head));
    const length = stopwatch(clock, head);
    const id = ledger.transitions.start({ gpu, ...toRoute(from, to), rung, reason, started });
    await meter.beginSwitch();
    const vramBefore = meter.latest.reading?.vramUsedMiB;
    this.#endJobOfBefore();
    const passage = { handover, from, to, how, began: steady.now(), jobId: this.#jobs.begin(to) };
    const outcome = await this.#runSteps(passage, signal);
    if (outcome.kind !== "done" && to.workload === "hashing") await this.#cease("miner");
    // A start that was cut short loads on until it is told to stop.
    const isBusy = this.#parts.serving?.engine.isAtWork === true;
    if (outcome.kind !== "done" && to.workload === "inference" && isBusy) await this.#cease("engine");
    if (outcome.kind !== "done" && to.workload === "external")
      tenancies.find(to.name)?.withdraw(gpu, wordsOf(outcome).detail ?? "the agent stops");
    const energy = await meter.endSwitch(outcome.kind === "done" ? to.workload : "none", passage.jobId);
    const ended = after(started, millis(Math.round(length())));
    this.#record(id, passage, outcome, {
      ended,
      ...(energy === undefined ? {} : { energy }),
      ...(vramBefore === undefined ? {} : { vramBeforeMiB: vramBefore }),
    });
    this.#settle(passage, outcome, rung, length());
    return outcome;
  }

  #plan(from: Work, to: Work): Handover {
    const { mining, serving, ground, tenancies } = this.#parts;
    const { roster } = ground;
    const route = { from: from.workload, to: to.workload };
    const sheet = mining?.of(to);
    const isKept = sheet ? mining?.miner.isKept(sheet.planned) : serving?.engine.isKept;
    const kept = isKept === true || roster.isKept(route.to === "hashing" ? "miner" : "engine");
    const engine = serving?.engine.state.kind === "ready" || roster.isLeft("engine");
    const isUp = mining?.miner.resident === true;
    const otherMiner = isUp && sheet !== undefined && mining?.up !== sheet;
    const residents = { miner: isUp && !otherMiner, otherMiner, engine, kept, leftMiner: roster.isLeft("miner") };
    const { rung: residence } = ground.residence;
    const steps = stepsFor(route, residents, residence);
    // Whether what was started by us has really gone is looked at; a guest has been away for its cool-down already.
    const isOver = tenancies.tenant?.kind !== "theirs";
    const isEnded = from.workload === "external" && from.name !== undefined && to.workload === "none" && isOver;
    return { ...route, residents, residence, steps: isEnded ? [...steps, "verify-free"] : steps };
  }

  #record(
    id: number,
    { began }: Passage,
    outcome: HandoverOutcome,
    facts: Pick<TransitionEnd, "ended" | "energy" | "vramBeforeMiB">,
  ): void {
    const { ledger, meter, ground, switches } = this.#parts;
    const { word, detail } = wordsOf(outcome);
    const vramAfter = meter.latest.reading?.vramUsedMiB;
    const xid = ground.health.xidSince(began);
    ledger.transitions.end(id, {
      // A fallback was taken where there is a note: what it cost says nothing about the planned rung.
      ...(outcome.note === undefined ? {} : { rung: "cold" as const }),
      ...facts,
      outcome: word,
      ...(vramAfter === undefined ? {} : { vramAfterMiB: vramAfter }),
      ...(xid === undefined ? {} : { xid }),
      ...(detail ? { detail } : {}),
    });
    switches.learn();
  }

  #settle({ handover, from, to, jobId }: Passage, outcome: HandoverOutcome, rung: Rung, length: Millis): void {
    const { logger, gpu, ground, onChange } = this.#parts;
    const { residence } = handover;
    const { word, detail } = wordsOf(outcome);
    const facts = { gpu, ...toRoute(from, to), rung, outcome: word, ms: Math.round(length), detail };
    if (outcome.kind === "failed") logger.warn("handover", facts);
    else logger.info("handover", facts);
    if (outcome.kind === "done") {
      if (rung === residence && outcome.note === undefined) ground.unbar(residence);
      this.#arrive(to, jobId);
    } else {
      this.#abandon(to, jobId, outcome);
    }
    const isStopped = (outcome.kind === "done" || this.#state !== "faulted") && isAtRest(this.#parts);
    this.#settings.settle(this.#assignment.workload, isStopped);
    onChange();
  }

  /** A step that throws has failed, and the GPU is suspect; only a ledger that cannot be written goes further up. */
  async #runSteps(passage: Passage, signal: AbortSignal): Promise<HandoverOutcome> {
    try {
      const parts = this.#handoverParts(passage);
      const { from, to, how } = passage;
      await this.#settings.makeWay(from.workload, how === "evicts" ? AbortSignal.abort() : signal);
      if (to.workload === "hashing") parts.tuner.turnTo(to.name);
      if (how === "evicts") return await runEviction(parts, signal);
      const outcome = await runHandover(passage.handover, parts, signal);
      return outcome.kind === "aborted" ? { ...outcome, ...cutBy(signal) } : outcome;
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      if (signal.reason instanceof Cut) return { ...ABORTED, ...cutBy(signal) };
      return { kind: "failed", reason: messageOf(error), isStuck: true };
    }
  }

  #arrive(work: Work, jobId: string | undefined): void {
    this.#parts.cooldown.succeeded(work);
    this.#assign(work, jobId);
  }

  /** A handover that did not arrive leaves the GPU to nobody, and its target in a cool-down. */
  #abandon(to: Work, jobId: string | undefined, outcome: HandoverOutcome): void {
    const { cooldown, steady } = this.#parts;
    const failure = outcome.kind === "failed" ? outcome.reason : undefined;
    const why = wordsOf(outcome).detail ?? "the agent stopped";
    this.#assign(RESTING, undefined);
    if (outcome.kind === "failed" && outcome.isStuck) this.#state = "faulted";
    if (failure !== undefined) cooldown.failed(to, { reason: failure }, steady.now());
    if (jobId !== undefined) this.#jobs.end(jobId, failure === undefined ? "cancelled" : "failed", why);
  }

  /** Before the switch is closed, so that not one joule of what fails to stop counts as rest. */
  async #cease(what: "miner" | "engine"): Promise<void> {
    const { mining, serving, logger, gpu } = this.#parts;
    try {
      await (what === "miner" ? mining?.miner : serving?.engine)?.stop(AbortSignal.timeout(STOP_TIMEOUT));
    } catch (error) {
      logger.error(`the ${what} cannot be stopped`, { gpu, reason: messageOf(error) });
    }
  }

  #assign(work: Work, jobId: string | undefined): void {
    const { workload } = work;
    this.#assignment = { ...toWork(work), since: this.#parts.steady.now(), ...(jobId === undefined ? {} : { jobId }) };
    if (this.#isIsolated) this.#state = "faulted";
    else if (workload === "external") this.#state = "rented";
    else this.#state = workload === "none" ? "idle" : "open";
  }

  #endJobOfBefore(): void {
    const { jobId } = this.#assignment;
    if (jobId === undefined) return;
    // Whoever had a GPU that failed did not leave of their own accord.
    if (this.#isIsolated) this.#jobs.end(jobId, "interrupted", this.#parts.ground.health.isolation?.reason);
    else this.#jobs.end(jobId, "completed");
  }

  #interruptJob(reason: string): void {
    const { jobId, workload } = this.#assignment;
    if (jobId !== undefined && workload === "hashing") this.#jobs.end(jobId, "interrupted", reason);
  }

  #handoverParts({ handover, to, began }: Passage): HandoverParts {
    const { gpu, clock, steady, queue, mining, serving, drainTimeout, gap, onChange, ground, tuner } = this.#parts;
    const xid = () => ground.health.xidSince(began);
    const { residents } = handover;
    const sheet = mining?.of(to);
    const isUp = to.workload === "hashing" ? residents.miner : residents.engine && serving?.engine.isAsleep !== true;
    return {
      clock,
      steady,
      queue,
      tuner,
      miner: mining?.miner,
      planned: sheet?.planned,
      engine: serving?.engine,
      drainTimeout,
      gap,
      gate: (engine, slots) => createGate(engine, slots, this.#parts),
      onMinerStart: () => sheet?.watch.expectShare(),
      firstShare: (signal) => sheet?.watch.firstShare(() => this.#endWarming(sheet), signal) ?? Promise.resolve(DONE),
      verifyFree: (signal) => ground.verifyFree(handover, { xid }, isUp, signal),
      verifyQuiet: (signal) => ground.verifyQuiet({ xid }, signal),
      claimPower: (signal) => this.#settings.claimFor(to.workload, signal),
      startExternal: (signal) =>
        this.#parts.tenancies.find(to.name)?.arrive(gpu, signal) ?? Promise.resolve(failed("nothing to start")),
      onBar: (rung) => ground.bar(rung),
      onNotFree: (reason) => ground.notFree(reason),
      onState: (state) => {
        this.#state = state;
        onChange();
      },
    };
  }

  /** A request need not wait for a share, and a share need not be waited for while the pool is away. */
  #endWarming({ poolAway }: FlightSheet): Outcome | undefined {
    const { queue, clock } = this.#parts;
    if (queue.facts().waiting > 0) return DONE;
    const away = poolAway();
    const isAway = away !== undefined && elapsed(away.since, clock.now()) > RECONNECT_GRACE;
    return isAway ? failed(`the pool is away: ${away.reason}`) : undefined;
  }
}
