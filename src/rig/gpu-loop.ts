import type { GpuInfo } from "../gpu/source.ts";
import { LedgerError } from "../ledger/errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mode } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { decide } from "../policy/decide.ts";
import { addRegret, explainOwner, type Regret, startRegret } from "../policy/regret.ts";
import type { Decision, GpuFacts, Owner, SwitchRules } from "../policy/types.ts";
import { earnedOver, type UsdPerHour, usdPerHour } from "../units/money.ts";
import { elapsed, type Millis, millis, seconds, type UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";
import type { Block, Cooldown } from "./cooldown.ts";
import type { Assignment, Custody, MiningParts } from "./custody.ts";
import type { ObservedDemand } from "./demand.ts";
import type { EngineControl } from "./engine-control.ts";
import type { MeterBook } from "./meter-book.ts";
import type { Activity, RateBook } from "./rates.ts";
import type { RequestQueue } from "./request-queue.ts";
import type { GpuSnapshot } from "./snapshot.ts";
import type { SwitchBook } from "./switch-book.ts";
import { bestBetweenRequests, type Prices, toCandidates, valueAll } from "./valuing.ts";
import type { Wake } from "./wake.ts";

const TICK = seconds(1);
const POOL_PATIENCE = seconds(30);
const LEAVE_TIMEOUT = seconds(15);

/** Everything one GPU's loop owns or uses. */
export interface LoopParts {
  readonly info: GpuInfo;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly wake: Wake;
  readonly meter: MeterBook;
  readonly queue: RequestQueue;
  readonly rates: RateBook;
  readonly demand: ObservedDemand;
  readonly cooldown: Cooldown;
  readonly switches: SwitchBook;
  readonly custody: Custody;
  readonly prices: Prices;
  /** The rules for a measured round trip; lending depends on it. */
  readonly rules: (roundTrip: Millis) => SwitchRules;
  readonly mode: () => Mode;
  readonly mining?: MiningParts;
  readonly serving?: { readonly engine: EngineControl; readonly model: string };
  /** Told of a fault after which the whole agent must stop. */
  readonly onFault: (error: unknown) => void;
  /** Told after every change that a reader may want to see. */
  readonly onChange: () => void;
}

/** The one writer of one GPU: looks, values, decides, hands over, and looks again. */
export class GpuLoop {
  readonly #parts: LoopParts;
  /** Where observe mode would have put the GPU. */
  #imagined: Assignment;
  #regret: Regret;
  #owner: Owner = { workload: "none", why: "starting" };
  #valuations: readonly Valuation[] = [];
  #why = "starting";
  #lastDecision = "";
  #lastLook: Millis;
  #sinceLook = millis(0);
  #exited: string | undefined;
  #tending = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#imagined = parts.custody.assignment;
    this.#lastLook = parts.clock.monotonic();
    this.#regret = startRegret(parts.mining ? "hashing" : parts.serving ? "inference" : "none");
  }

  /** Runs until `signal` fires, then drains, stops the GPU's work and books its energy. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, wake, logger, onFault } = this.#parts;
    while (!signal.aborted) {
      let pause: Millis = TICK;
      try {
        pause = await this.#look(signal);
      } catch (error) {
        if (signal.aborted) break;
        // Work that cannot be recorded must not go on.
        if (error instanceof LedgerError) onFault(error);
        logger.error("the GPU's loop failed", { reason: messageOf(error) });
      }
      await wake.sleep(clock, pause, signal);
    }
    await this.#leave();
  }

  get isServing(): boolean {
    return this.#parts.custody.assignment.workload === "inference";
  }

  /** The miner or engine of this GPU ended by itself. */
  workExited(role: "miner" | "engine", reason: string): void {
    const { workload } = this.#parts.custody.assignment;
    if ((role === "miner" && workload === "hashing") || (role === "engine" && workload === "inference"))
      this.#exited = `the ${role} ended: ${reason}`;
    this.#parts.wake.call();
  }

  snapshot(): GpuSnapshot {
    const { info, mode, meter, mining, serving, queue, rates, switches } = this.#parts;
    const { workload, since } = this.#parts.custody.assignment;
    const live = mining?.watch.live;
    const net = this.#valuations.find((valuation) => valuation.workload === workload)?.net;
    const tokensPerSecond = rates.tokensPerSecond();
    return {
      info,
      mode: mode(),
      workload,
      state: this.#parts.custody.state,
      since,
      why: this.#why,
      queue: queue.facts(),
      roundTrip: switches.roundTrip(this.#bestNet()),
      valuations: this.#valuations,
      ...meter.latest,
      ...(live?.effective === undefined ? {} : { hashrateEffective: live.effective }),
      ...(live?.reported === undefined ? {} : { hashrateReported: live.reported }),
      ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
      ...(net === undefined ? {} : { net }),
      ...(serving === undefined ? {} : { engine: serving.engine.state }),
    };
  }

  /** One round of the loop; returns how long nothing needs doing. */
  async #look(signal: AbortSignal): Promise<Millis> {
    const { clock, queue } = this.#parts;
    await this.#measure(signal);
    await this.#noticeFailure(signal);
    const now = clock.now();
    this.#value(now);
    this.#syncAdmission(now);
    const mode = this.#parts.mode();
    if (mode === "observe") return await this.#observe(now, signal);
    this.#imagined = this.#parts.custody.assignment;
    const decision = decide(this.#facts(this.#parts.custody.assignment, now), this.#rules(), now);
    this.#record(decision, this.#parts.custody.assignment, now);
    this.#tendEngine(signal);
    const switched = decision.action === "switch" && (await this.#switchTo(decision, signal));
    this.#parts.onChange();
    if (switched) return millis(0);
    const lookAgain = decision.action === "keep" ? decision.lookAgain : undefined;
    const deadlines = [lookAgain, queue.nextExpiry].filter((at) => at !== undefined);
    return millis(Math.max(0, Math.min(TICK, ...deadlines.map((at) => elapsed(clock.now(), at)))));
  }

  async #measure(signal: AbortSignal): Promise<void> {
    const { meter, rates, mining, queue } = this.#parts;
    const reading = await meter.look(signal);
    if (this.#parts.custody.assignment.workload === "hashing" && mining !== undefined)
      rates.observeHashrate(await mining.watch.look(mining.miner, signal));
    else rates.observeHashrate(undefined);
    const activity = activityOf(this.#parts.custody.assignment.workload, queue.facts().active);
    if (reading?.power !== undefined && activity !== undefined) rates.observePower(activity, reading.power);
  }

  /** Work that ended by itself, or a pool that stays away, takes the GPU off that work for a while. */
  async #noticeFailure(signal: AbortSignal): Promise<void> {
    const { clock, mining, cooldown, logger } = this.#parts;
    const { workload } = this.#parts.custody.assignment;
    const away = workload === "hashing" ? mining?.poolAway() : undefined;
    const isAway = away !== undefined && elapsed(away.since, clock.now()) > POOL_PATIENCE;
    const reason = this.#exited ?? (isAway ? `the pool has been away for 30 s: ${away.reason}` : undefined);
    if (reason === undefined) return;
    this.#exited = undefined;
    cooldown.failed(workload, reason, clock.now());
    logger.warn("work failed", { gpu: this.#parts.info.uuid, workload, reason });
    await this.#parts.custody.letGo(reason, signal);
  }

  #value(now: UnixMs): void {
    const { clock, rates, prices, mining, serving, demand, queue, switches } = this.#parts;
    this.#valuations = valueAll(
      {
        rates,
        prices,
        ...(mining === undefined ? {} : { coin: mining.coin }),
        ...(serving === undefined
          ? {}
          : { inference: { model: serving.model, demand: demand.over(now), backlog: queue.facts().worth } }),
      },
      now,
    );
    const candidates = toCandidates(this.#valuations);
    // Monotonic: a clock that is set must not count as hours of regret.
    const look = clock.monotonic();
    this.#sinceLook = millis(look - this.#lastLook);
    this.#lastLook = look;
    const { cost } = switches.roundTrip(this.#bestNet());
    this.#regret = addRegret(this.#regret, candidates, this.#sinceLook, cost);
    const own = this.#valuations.find(({ workload }) => workload === this.#regret.owner);
    this.#owner =
      own !== undefined && own.net === undefined
        ? { workload: own.workload, why: own.why }
        : explainOwner(this.#regret, candidates, cost);
  }

  #facts({ workload, since }: Assignment, now: UnixMs): GpuFacts {
    const { info, mode, queue, switches, cooldown } = this.#parts;
    const trip = switches.roundTrip(this.#bestNet());
    const { idleSince } = queue;
    const blocked = cooldown.blocking(this.#owner.workload, now);
    return {
      gpu: info.uuid,
      mode: mode(),
      workload,
      since,
      owner: blocked === undefined ? this.#owner : { workload: "none", why: sayBlocked(blocked, now) },
      gapWorkload: cooldown.blocking("hashing", now) ? "none" : bestBetweenRequests(this.#valuations),
      queue: queue.facts(),
      ...(idleSince === undefined ? {} : { idleSince }),
      roundTrip: trip.duration,
      roundTripCost: trip.cost,
      priceSwitchesToday: switches.priceSwitchesToday(now),
      gapSwitchesLastHour: switches.gapSwitchesLastHour(now),
    };
  }

  /** Says at the queue's door what the mode or a failed engine refuses anyway. */
  #syncAdmission(now: UnixMs): void {
    const { queue, mode, cooldown } = this.#parts;
    const block = cooldown.blocking("inference", now);
    const current = mode();
    if (current !== "auto" && current !== "serve") queue.refuseAll("not-serving", `this rig is in mode ${current}`);
    else if (block !== undefined) queue.refuseAll("engine-failed", block.reason, block.until);
    else {
      queue.accept();
      queue.expire(this.#why);
    }
  }

  /** Decides as if it could act, books what that would have earned, and touches nothing. */
  async #observe(now: UnixMs, signal: AbortSignal): Promise<Millis> {
    const { ledger, info } = this.#parts;
    if (this.#parts.custody.assignment.workload !== "none")
      await this.#parts.custody.handOver("none", "the operator set mode observe", signal);
    const decision = decide({ ...this.#facts(this.#imagined, now), mode: "auto" }, this.#rules(), now);
    this.#record(decision, this.#imagined, now);
    if (decision.action === "switch") this.#imagined = { workload: decision.to, since: now };
    const net = this.#valuations.find(({ workload }) => workload === this.#imagined.workload)?.net;
    if (net !== undefined)
      ledger.wouldHave.book(info.uuid, now, this.#imagined.workload, earnedOver(net, this.#sinceLook));
    this.#tendEngine(signal);
    this.#why = `observing; would ${verbOf(this.#imagined.workload)}: ${decision.why}`;
    this.#parts.onChange();
    return TICK;
  }

  /** Only what differs from the last decision is a new row; the same reason each second is not. */
  #record(decision: Decision, { workload }: Assignment, now: UnixMs): void {
    const { ledger, mode, info } = this.#parts;
    this.#why = decision.why;
    const to = decision.action === "switch" ? decision.to : workload;
    const key = `${decision.action}/${decision.rule}/${to}/${mode()}`;
    if (key === this.#lastDecision && decision.action === "keep") return;
    this.#lastDecision = key;
    const { action, rule, why } = decision;
    const inputs = JSON.stringify({
      facts: this.#facts(this.#parts.custody.assignment, now),
      valuations: this.#valuations,
    });
    ledger.decisions.append({ gpu: info.uuid, at: now, mode: mode(), action, from: workload, to, rule, why, inputs });
  }

  /** `false` when the target still cools down from a failure. */
  async #switchTo(decision: Extract<Decision, { action: "switch" }>, signal: AbortSignal): Promise<boolean> {
    const { cooldown, clock, switches, custody } = this.#parts;
    const now = clock.now();
    const block = cooldown.blocking(decision.to, now);
    if (block !== undefined) {
      this.#why = sayBlocked(block, now);
      return false;
    }
    if (decision.rule === "regret") switches.countPriceSwitch(now);
    if (decision.rule === "arrival") switches.countGapSwitch(now);
    await custody.handOver(decision.to, decision.why, signal);
    return true;
  }

  /** Where requests may come, the engine is up before the first one; where they may not, it is down. */
  #tendEngine(signal: AbortSignal): void {
    const { serving, cooldown, clock, logger, wake, mode } = this.#parts;
    if (serving === undefined || this.#tending) return;
    const { engine } = serving;
    const wanted = mode() === "serve" || (mode() === "auto" && this.#rules().lending);
    const up = engine.state.kind === "ready";
    if (wanted ? up || cooldown.blocking("inference", clock.now()) : engine.state.kind === "stopped") return;
    if (!wanted && this.#parts.custody.assignment.workload === "inference") return;
    this.#tending = true;
    (wanted ? engine.ensureReady(signal) : engine.stop(signal))
      .then((outcome) => {
        if (outcome.kind !== "failed") return;
        cooldown.failed("inference", outcome.reason, clock.now());
        logger.warn("the engine is not ready", { reason: outcome.reason });
      })
      .catch((error: unknown) => logger.error("tending the engine failed", { reason: messageOf(error) }))
      .finally(() => {
        this.#tending = false;
        wake.call();
      });
  }

  /** The end of the loop: nothing new is taken, what runs may end, and the books are closed. */
  async #leave(): Promise<void> {
    const { queue, custody, rates, meter } = this.#parts;
    queue.refuseAll("stopping", "the agent is stopping");
    const deadline = AbortSignal.timeout(LEAVE_TIMEOUT);
    if (custody.assignment.workload !== "none") await custody.handOver("none", "the agent is stopping", deadline);
    await meter.close();
    rates.store();
  }

  #rules(): SwitchRules {
    const { rules, switches } = this.#parts;
    return rules(switches.roundTrip(this.#bestNet()).duration);
  }

  /** The best known net, which is what a second of dead time costs. */
  #bestNet(): UsdPerHour {
    const nets = this.#valuations.flatMap(({ net }) => (net === undefined ? [] : [net]));
    return usdPerHour(Math.max(0, ...nets));
  }
}

function activityOf(workload: string, active: number): Activity | undefined {
  if (workload === "hashing") return "hashing";
  if (workload === "inference") return active > 0 ? "serving" : undefined;
  return workload === "none" ? "resting" : undefined;
}

const sayBlocked = ({ reason, until }: Block, now: UnixMs): string =>
  `${reason}; trying again in ${Math.ceil(elapsed(now, until) / 1000)} s`;

const verbOf = (workload: string): string =>
  workload === "hashing" ? "hash" : workload === "inference" ? "serve" : "rest";
