import type { GpuEvent } from "../gpu/source.ts";
import { LedgerError } from "../ledger/errors.ts";
import type { Mode } from "../ledger/rows.ts";
import { INFERENCE, RESTING, toWork, type Work } from "../ledger/work.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import { messageOf } from "../lib/errors.ts";
import type { Decision, GpuFacts, SwitchRules } from "../policy/types.ts";
import { elapsed, type Millis, millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import type { AdoptedWork, WorkExit, WorkRole, WorkTrouble } from "../workloads/driver.ts";
import { Aside } from "./aside.ts";
import { Attention } from "./attention.ts";
import type { BenchNews, BenchOrder } from "./bench-order.ts";
import { runBench } from "./bench-run.ts";
import { Chooser } from "./chooser.ts";
import { DecisionJournal } from "./decision-journal.ts";
import { EngineTender } from "./engine-tender.ts";
import { hashingBy } from "./flight-sheets.ts";
import type { Claim } from "./guest-watch.ts";
import { LeftLoad } from "./left-load.ts";
import { loadOf } from "./load.ts";
import type { LoopParts } from "./loop-parts.ts";
import { measure } from "./measuring.ts";
import { Observer } from "./observer.ts";
import { Outlook } from "./outlook.ts";
import type { Load } from "./shedding.ts";
import type { GpuSnapshot } from "./snapshot.ts";
import { StopTime } from "./stop-time.ts";
import { WorkFaults } from "./work-faults.ts";

const TICK = seconds(1);
const LONGEST_FREEZE = minutes(2);

/** The one writer of one GPU: looks, values, decides, hands over, and looks again. */
export class GpuLoop {
  readonly #parts: LoopParts;
  readonly #outlook: Outlook;
  readonly #observer: Observer;
  readonly #journal: DecisionJournal;
  readonly #tender: EngineTender;
  readonly #backoff: Backoff = createBackoff(TICK, seconds(60));
  readonly #faults: WorkFaults;
  /** What an earlier agent's work may draw on this GPU. */
  readonly left: LeftLoad;
  readonly #aside: Aside;
  readonly #attention: Attention;
  readonly #chooser: Chooser;
  #capUntil: UnixMs | undefined;
  #why = "starting";
  /** What the last decision wants on the GPU. */
  #wanted: Work = RESTING;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#outlook = new Outlook(parts);
    this.#observer = new Observer(parts, this.#outlook);
    this.#journal = new DecisionJournal(parts.ledger);
    this.#tender = new EngineTender(parts);
    this.#faults = new WorkFaults(parts);
    this.left = new LeftLoad({ ...parts, roster: parts.ground.roster, load: () => this.load() });
    this.#aside = new Aside(parts);
    this.#attention = new Attention(parts);
    this.#chooser = new Chooser(parts, this.#outlook);
  }

  /** Runs until `signal` fires, then drains, stops the GPU's work and books its energy. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, wake, meter, onFault } = this.#parts;
    const slots = meter.keepSlots(signal).catch(onFault);
    const time = new StopTime(clock, signal);
    while (!signal.aborted) {
      const pause = await this.#lookSafely(signal);
      if (!signal.aborted) await wake.sleep(clock, pause, signal);
    }
    await slots;
    await this.#leave(time);
  }

  get isServing(): boolean {
    return this.#parts.custody.assignment.workload === "inference";
  }

  /** Whether nothing of ours runs on the GPU. */
  get isQuiet(): boolean {
    const { custody, mining, serving, ground } = this.#parts;
    const engine = serving?.engine.state.kind ?? "stopped";
    const isEngineUp = engine === "ready" || engine === "starting";
    if (ground.roster.isLeft("miner") || ground.roster.isLeft("engine")) return false;
    return custody.assignment.workload === "none" && mining?.miner.resident !== true && !isEngineUp;
  }

  /** The miner or engine of this GPU ended by itself; the next look sees what that means for the GPU. */
  workExited(exit: WorkExit): void {
    const { cooldown, steady, wake } = this.#parts;
    const failure = this.#faults.exited(exit);
    // An engine that ends beside the miner is in nobody's way, but must not be started over and over.
    if (exit.role === "engine") cooldown.failed(INFERENCE, failure, steady.now());
    wake.call();
  }

  /** Work that runs on, short of memory or failing its health check, is stopped by the next look. */
  workTroubled(trouble: WorkTrouble): void {
    this.#faults.troubled(trouble);
    this.#parts.wake.call();
  }

  /** A container that an earlier agent left on this GPU. */
  adopted(work: AdoptedWork): void {
    const { ground, custody, wake } = this.#parts;
    ground.adopt(work);
    if (work.state !== "stopped" && work.sheet !== undefined) this.#outlook.resume(work.sheet);
    this.left.adopted(work, custody.assignment.workload === "none");
    wake.call();
  }

  /** The containers of others that were promised this GPU. */
  claimed(claims: readonly Claim[]): void {
    this.#parts.ground.claimed(claims);
  }

  /** What the driver tells of this GPU unasked. */
  told(event: GpuEvent): void {
    this.#parts.ground.health.told(event);
  }

  snapshot(): GpuSnapshot {
    const { info, ground, ordered, switches, meter, mining, serving, queue, rates, served, custody, clock, steady } =
      this.#parts;
    const isListed = custody.state === "rented" && this.#parts.tenancies.isListed(custody.assignment.name);
    const { since, ...assigned } = custody.assignment;
    const { effective, reported, dual } = mining?.of(assigned)?.watch.live ?? {};
    const net = this.#outlook.netOf(assigned) ?? this.#outlook.netOfTenant(assigned, meter.latest.reading?.power);
    const tokensPerSecond = rates.tokensPerSecond();
    return {
      info,
      mode: ordered(),
      ...toWork(assigned),
      state: isListed ? "listed" : custody.state,
      since: unixMs(clock.now() - elapsed(since, steady.now())),
      why: this.#outlook.blame(this.#why, this.#wanted),
      queue: queue.facts(),
      roundTrip: this.#outlook.roundTrip,
      switchCosts: switches.measured,
      slotFaults: ground.health.slotFaults,
      warnings: custody.shortfall === undefined ? [] : [custody.shortfall],
      ...(ground.health.lastXid === undefined ? {} : { lastXid: ground.health.lastXid }),
      valuations: this.#outlook.valuations,
      served: served?.list() ?? [],
      ...meter.latest,
      ...(effective === undefined ? {} : { hashrateEffective: effective }),
      ...(reported === undefined ? {} : { hashrateReported: reported }),
      ...(dual === undefined ? {} : { dualHashrate: dual }),
      ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
      ...(net === undefined ? {} : { net }),
      ...(serving === undefined ? {} : { engine: serving.engine.state }),
    };
  }

  /** Measures this GPU; what that tries is taken back however it ends. */
  bench(order: BenchOrder, signal: AbortSignal): AsyncGenerator<BenchNews, void> {
    return runBench(order, { ...this.#parts, look: () => this.snapshot() }, signal);
  }

  /** This GPU's part in what the rig draws. */
  load(): Load {
    return loadOf(this.#parts, this.#outlook);
  }

  /** A look that fails says why and is tried again, ever more slowly; work that cannot be recorded must not go on. */
  async #lookSafely(signal: AbortSignal): Promise<Millis> {
    const { logger, onFault, onChange } = this.#parts;
    try {
      const pause = await this.#look(signal);
      this.#backoff.reset();
      return pause;
    } catch (error) {
      if (signal.aborted) return TICK;
      if (error instanceof LedgerError) onFault(error);
      this.#why = `the GPU's loop failed: ${messageOf(error)}`;
      logger.error("the GPU's loop failed", { reason: messageOf(error) });
      onChange();
      return this.#backoff.next();
    }
  }

  /** One round of the loop; returns how long nothing needs doing. */
  async #look(signal: AbortSignal): Promise<Millis> {
    const { custody, mode } = this.#parts;
    await measure(this.#parts, signal);
    this.left.review();
    custody.keepSettings(signal);
    const aside = await this.#aside.stand(signal);
    if (aside !== undefined) {
      this.#why = aside;
      return TICK;
    }
    custody.tryOut(this.#parts.trial, signal);
    await this.#noticeFailure(signal);
    await this.#stopUnwanted(signal);
    const length = this.#outlook.look();
    const rules = this.#rules();
    this.#syncAdmission(rules);
    this.#tender.tend(rules.lending, signal);
    if (mode() === "observe") return await this.#observe(rules, length, signal);
    this.#observer.follow(custody.assignment);
    const { decision, facts } = this.#chooser.choose(rules);
    this.#accept(decision, facts, facts.mode);
    if (decision.action === "keep") return this.#untilNext(decision.lookAgain);
    return await this.#switchTo(decision, signal);
  }

  /** Work that is gone or hung, or a pool that stays away, takes the GPU off that work for a while. */
  async #noticeFailure(signal: AbortSignal): Promise<void> {
    const { steady, cooldown, logger, custody, info, ground } = this.#parts;
    const work = toWork(custody.assignment);
    const { workload } = work;
    const xid = ground.health.takeWorkFault();
    const role = workload === "hashing" ? "miner" : workload === "inference" ? "engine" : undefined;
    const distrusted = role && (xid === undefined ? this.#faults.takeTrouble(role) : { reason: xid });
    const fault = distrusted ?? (role && this.#faults.of(role));
    await this.#endLongFreeze(signal);
    await this.#stopAside(role, signal);
    if (fault === undefined) return await this.#stopStuckMiner(signal);
    const { reason } = fault;
    if (!cooldown.blocking(work, steady.now())) cooldown.failed(work, fault, steady.now());
    logger.warn("work failed", { gpu: info.uuid, ...work, reason });
    if (distrusted !== undefined && role === "engine") await custody.purge(reason, signal);
    else await this.#attention.letGo(reason, signal);
  }

  /** Work in trouble that does not have the GPU is stopped where it stands. */
  async #stopAside(owner: WorkRole | undefined, signal: AbortSignal): Promise<void> {
    const { mining, serving, cooldown, steady } = this.#parts;
    const role = owner === "engine" ? "miner" : "engine";
    const trouble = this.#faults.takeTrouble(role);
    if (trouble === undefined) return;
    const work = role === "engine" ? INFERENCE : mining?.up && hashingBy(mining.up);
    if (work !== undefined) cooldown.failed(work, trouble, steady.now());
    await (role === "engine" ? serving?.engine.stop(signal) : mining?.miner.stop(signal));
  }

  /** A frozen miner is silent towards its pool, which forgets it: after a while it is stopped, and starts anew later. */
  async #endLongFreeze(signal: AbortSignal): Promise<void> {
    const { mining, clock, ground } = this.#parts;
    const since = mining?.miner.frozenSince;
    if (since === undefined || clock.monotonic() - since < LONGEST_FREEZE) return;
    ground.bar("freeze");
    await mining?.miner.stop(signal);
  }

  /** The miner of an earlier agent goes on only where ours may hash. */
  async #stopUnwanted(signal: AbortSignal): Promise<void> {
    const { ground, mode, custody, cooldown, steady } = this.#parts;
    const current = mode();
    if (current === "auto" || current === "mine" || !ground.roster.isLeft("miner")) return;
    if (custody.assignment.workload !== "none" || cooldown.blocking(RESTING, steady.now())) return;
    await this.#attention.handOver(RESTING, `the miner of an earlier agent is not wanted in mode ${current}`, signal);
  }

  /** A miner that could not be stopped is tried again as often as its cool-down allows. */
  async #stopStuckMiner(signal: AbortSignal): Promise<void> {
    const { mining, custody, cooldown, steady } = this.#parts;
    const isStuck = custody.state === "faulted" && custody.assignment.workload === "none";
    if (!isStuck || mining?.miner.resident !== true || cooldown.blocking(RESTING, steady.now())) return;
    await this.#attention.handOver(RESTING, "the miner could not be stopped and may still run", signal);
  }

  /** Says at the queue's door what would be refused anyway. */
  #syncAdmission(rules: SwitchRules): void {
    const { queue, mode, cooldown, steady, custody, trial } = this.#parts;
    const now = steady.now();
    const block = cooldown.blocking(INFERENCE, now);
    const current = mode();
    const { assignment } = custody;
    const isHashing = assignment.workload === "hashing" && this.#outlook.owner.workload === "hashing";
    if (assignment.workload === "external") queue.refuseAll("not-serving", "this GPU is used by somebody else");
    else if (current !== "auto" && current !== "serve")
      queue.refuseAll("not-serving", trial.words ?? `this rig is in mode ${current}`);
    else if (block !== undefined) queue.refuseAll("engine-failed", "the engine is not available", block.until);
    else if (this.#capUntil !== undefined && now < this.#capUntil)
      queue.refuseAll("not-serving", "this GPU was handed over too often in the last hour", this.#capUntil);
    else if (current === "auto" && !rules.lending && isHashing)
      queue.refuseAll("not-serving", "this GPU is not lent to requests while it hashes");
    else queue.accept();
    queue.expire((worth) => this.#outlook.whyTooPoor(worth, assignment, rules));
  }

  async #observe(rules: SwitchRules, length: Millis, signal: AbortSignal): Promise<Millis> {
    const { custody, tenancies } = this.#parts;
    const { workload } = custody.assignment;
    tenancies.withdraw("the operator set mode observe");
    if (workload === "external") void tenancies.endIdle("the operator set mode observe");
    else if (workload !== "none") await this.#attention.handOver(RESTING, "the operator set mode observe", signal);
    const { decision, facts, verb } = this.#observer.observe(rules, length);
    this.#accept(decision, facts, "observe");
    this.#why = `observing; would ${verb}: ${decision.why}`;
    return TICK;
  }

  #accept(decision: Decision, facts: GpuFacts, mode: Mode): void {
    const { clock, steady, onChange, custody, shed } = this.#parts;
    this.#wanted = decision.action === "switch" ? decision.to : toWork(facts);
    const isStuck = custody.state === "faulted";
    // Work that a customer pays for does not rest, whatever has been ordered.
    const why = (decision.rule === "busy" ? undefined : shed()) ?? decision.why;
    this.#why = isStuck ? `${why}; the last handover failed, and its work may still run` : why;
    if (decision.rule === "gap-cap" && facts.queue.waiting > 0) this.#capUntil = facts.gapSwitchFree;
    const rested = { ...this.#outlook.seen, facts, mode, rules: this.#rules(), now: steady.now() };
    this.#journal.record(decision, rested, clock.now());
    onChange();
  }

  async #switchTo(decision: Extract<Decision, { action: "switch" }>, signal: AbortSignal): Promise<Millis> {
    const { steady, switches, custody, tenancies } = this.#parts;
    if (custody.assignment.workload === "external") {
      // Only once it has really ended the GPU is free for anything; the look after that takes it back.
      const tenancy = tenancies.find(custody.assignment.name);
      const isPriced = tenancy?.isEndable === true && decision.rule === "regret";
      void tenancy?.end(decision.why).then((failure) => {
        if (failure === undefined && isPriced) switches.countPriceSwitch(steady.now());
      });
      return TICK;
    }
    // Leaving rest wears nothing: a miner that has to be restarted must not use up the day's switches.
    if (custody.assignment.workload !== "none") {
      if (decision.rule === "regret" || decision.rule === "set") switches.countPriceSwitch(steady.now());
      if (decision.rule === "arrival") switches.countGapSwitch(steady.now());
    }
    await this.#attention.handOver(decision.to, decision.why, signal);
    return millis(0);
  }

  #untilNext(lookAgain: UnixMs | undefined): Millis {
    const { queue, steady } = this.#parts;
    const deadlines = [lookAgain, queue.nextExpiry].filter((at) => at !== undefined);
    return millis(Math.max(0, Math.min(TICK, ...deadlines.map((at) => elapsed(steady.now(), at)))));
  }

  /** The end of the loop: nothing new is taken, what runs may end, and the books are closed. */
  async #leave(time: StopTime): Promise<void> {
    const { queue, custody, rates, served, meter, logger, info, tenancies } = this.#parts;
    queue.refuseAll("stopping", "the agent is stopping");
    tenancies.withdraw("the agent is stopping");
    // The agent goes down anyway; what could not be booked or stopped now is seen to at the next start.
    const complain = (error: unknown) =>
      logger.error("leaving the GPU failed", { gpu: info.uuid, reason: messageOf(error) });
    // What a customer uses is left to the next agent, and so is a hook that takes longer than a stop may.
    await time.withinExternal(tenancies.endIdle("the agent is stopping")).catch(complain);
    await custody.leave(time.politeUntil).catch(complain);
    await meter
      .close()
      .then(() => {
        rates.store();
        served?.store();
      })
      .catch(complain);
    time.done();
  }

  #rules(): SwitchRules {
    return this.#parts.rules(this.#outlook.roundTrip.duration);
  }
}
