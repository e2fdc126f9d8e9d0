import type { Mode, Workload } from "../ledger/rows.ts";
import { learnedLinger, lingerFor } from "../policy/linger.ts";
import { addRegret, explainOwner, type Regret, regretShare, startRegret } from "../policy/regret.ts";
import type { GpuFacts, Loan, Owner, SwitchRules } from "../policy/types.ts";
import { addUsd, earnedOver, type UsdNano, type UsdPerHour, usdPerHour } from "../units/money.ts";
import { elapsed, type Millis, millis, type UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";
import type { Block } from "./cooldown.ts";
import type { Assignment } from "./custody.ts";
import { sayTooPoor, warnOfLoneRequest } from "./lone-request.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { RoundTrip } from "./switch-cost.ts";
import { bestBetweenRequests, toCandidates, valueAll } from "./valuing.ts";

/** What the GPU's work is worth now and who should own the GPU: everything a decision rests on. Owned by the loop. */
export class Outlook {
  readonly #parts: LoopParts;
  #regret: Regret;
  #owner: Owner = { workload: "none", why: "starting" };
  #valuations: readonly Valuation[] = [];
  #lookedAt: Millis;
  #hasWarned = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#lookedAt = parts.clock.monotonic();
    this.#regret = startRegret(parts.mining ? "hashing" : parts.serving ? "inference" : "none");
  }

  get valuations(): readonly Valuation[] {
    return this.#valuations;
  }

  /** Who should own the GPU, cool-downs aside. */
  get owner(): Workload {
    return this.#owner.workload;
  }

  netOf(workload: string): UsdPerHour | undefined {
    return this.#valuations.find((valuation) => valuation.workload === workload)?.net;
  }

  get roundTrip(): RoundTrip {
    const { switches, ground } = this.#parts;
    return switches.roundTrip(this.#bestNet(), ground.residence.rung);
  }

  /** Values everything anew and adds what staying has cost since the last look; returns how long ago that was. */
  look(): Millis {
    const { clock, rates, served, prices, mining, serving, demand, queue } = this.#parts;
    // Monotonic: a clock that is set must not count as hours of regret.
    const look = clock.monotonic();
    const length = millis(look - this.#lookedAt);
    this.#lookedAt = look;
    const now = clock.now();
    const capacity = served?.capacity();
    const inference = serving && {
      model: serving.model,
      demand: demand.over(now),
      backlog: queue.facts().worth,
      backlogTokens: queue.waitingTokens,
      ...(capacity === undefined ? {} : { capacity }),
    };
    const facts = { rates, prices, ...(mining ? { coin: mining.coin } : {}), ...(inference ? { inference } : {}) };
    this.#valuations = valueAll(facts, now);
    const candidates = toCandidates(this.#valuations);
    const { cost } = this.roundTrip;
    this.#regret = addRegret(this.#regret, candidates, length, cost);
    const own = this.#valuations.find(({ workload }) => workload === this.#regret.owner);
    this.#owner =
      own !== undefined && own.net === undefined
        ? { workload: own.workload, why: own.why }
        : explainOwner(this.#regret, candidates, cost);
    this.#warnOfLoneRequest(this.#parts.rules(this.roundTrip.duration));
    return length;
  }

  /** Why a request worth `worth` did not get a GPU that works for another owner; undefined where its worth was enough. */
  whyTooPoor(worth: UsdNano, workload: Workload, { wakeValue }: SwitchRules): string | undefined {
    if (workload === "none" || workload === "inference" || this.#owner.workload === "inference") return undefined;
    const { cost } = this.roundTrip;
    return addUsd(this.#parts.queue.facts().worth, wakeValue) < cost
      ? sayTooPoor({ worth, wakeValue, cost })
      : undefined;
  }

  /** Hashing that is wanted and cannot be is the pool's fault, whoever wants it. */
  blame(why: string, wanted: Workload): string {
    const away = wanted === "hashing" ? this.#parts.mining?.poolAway() : undefined;
    return away === undefined ? why : `the pool is away (${away.reason}); ${why}`;
  }

  /** Told once, as soon as it is known what the GPU would miss. */
  #warnOfLoneRequest({ wakeValue, lending }: SwitchRules): void {
    const { info, logger, serving, ordered, prices } = this.#parts;
    const tokens = prices.tokens?.();
    if (this.#hasWarned || !serving || !lending || tokens === undefined || ordered() !== "auto") return;
    if (this.#owner.workload === "inference" || this.netOf("hashing") === undefined) return;
    this.#hasWarned = true;
    const warning = warnOfLoneRequest(tokens, wakeValue, this.roundTrip.cost);
    if (warning !== undefined) logger.warn(warning, { gpu: info.uuid });
  }

  /** All a decision rests on, for a GPU in `assignment`; `now` is steady. */
  facts({ workload, since }: Assignment, mode: Mode, now: UnixMs): GpuFacts {
    const { info, queue, switches, cooldown } = this.#parts;
    const trip = this.roundTrip;
    const { idleSince } = queue;
    const blocked = cooldown.blocking(this.#owner.workload, now);
    const gapWorkload = cooldown.blocking("hashing", now) ? "none" : bestBetweenRequests(this.#valuations);
    const gapNet = this.netOf(gapWorkload);
    const { gapSwitchFree } = switches;
    const linger = learnedLinger(queue.learner, trip.duration, lingerFor(trip.duration, trip.cost, gapNet));
    const loan = this.#loan({ workload, since }, now);
    return {
      gpu: info.uuid,
      mode,
      workload,
      since,
      owner: blocked === undefined ? this.#owner : { workload: "none", why: sayBlocked(blocked, now) },
      regretShare: regretShare(this.#regret, trip.cost),
      gapWorkload,
      queue: queue.facts(),
      ...(gapNet === undefined ? {} : { gapNet }),
      ...(linger === undefined ? {} : { linger }),
      ...(idleSince === undefined ? {} : { idleSince }),
      ...(loan === undefined ? {} : { loan }),
      roundTrip: trip.duration,
      roundTripCost: trip.cost,
      priceSwitchesToday: switches.priceSwitchesToday(now),
      gapSwitchesLastHour: switches.gapSwitchesLastHour(now),
      ...(gapSwitchFree === undefined ? {} : { gapSwitchFree }),
    };
  }

  /** What borrowing the GPU from its owner has brought and cost so far; undefined when it is not borrowed. */
  #loan({ workload, since }: Pick<Assignment, "workload" | "since">, now: UnixMs): Loan | undefined {
    const { queue, rules } = this.#parts;
    const own = this.netOf(this.#owner.workload);
    // An owner that rests misses nothing.
    const lender = this.#owner.workload;
    if (workload !== "inference" || lender === "inference" || lender === "none" || own === undefined) return undefined;
    const trip = this.roundTrip;
    const missed: UsdNano = earnedOver(usdPerHour(Math.max(0, own)), elapsed(since, now));
    return { worth: addUsd(queue.grantedWorth, rules(trip.duration).wakeValue), cost: addUsd(missed, trip.cost) };
  }

  /** The best known net, which is what a second of dead time costs. */
  #bestNet(): UsdPerHour {
    const nets = toCandidates(this.#valuations).map(({ net }) => net);
    return usdPerHour(Math.max(0, ...nets));
  }
}

export const sayBlocked = ({ reason, until }: Block, now: UnixMs): string =>
  `${reason}; trying again in ${Math.ceil(elapsed(now, until) / 1000)} s`;
