import type { Mode } from "../ledger/rows.ts";
import { INFERENCE, isSameWork, RESTING, sayWork, toWork, type Work } from "../ledger/work.ts";
import { learnedLinger, lingerFor } from "../policy/linger.ts";
import {
  addRegret,
  chosenBy,
  explainOwner,
  type Regret,
  type RoundTripCosts,
  regretShare,
  startRegret,
} from "../policy/regret.ts";
import type { Candidate, Chosen, GpuFacts, Loan, Owner, SwitchRules } from "../policy/types.ts";
import type { Watts } from "../units/energy.ts";
import { addUsd, earnedOver, type UsdNano, type UsdPerHour, usdPerHour } from "../units/money.ts";
import { elapsed, type Millis, millis, type UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";
import { sayBlocked } from "./cooldown.ts";
import type { Assignment } from "./custody.ts";
import type { DecisionFacts } from "./decision-inputs.ts";
import { type FlightSheet, hashingBy } from "./flight-sheets.ts";
import { sayTooPoor, warnOfLoneRequest } from "./lone-request.ts";
import type { LoopParts } from "./loop-parts.ts";
import { PriceHold } from "./price-hold.ts";
import type { RoundTrip } from "./switch-cost.ts";
import { bestBetweenRequests, toCandidates, valueAll, valueTenant } from "./valuing.ts";

/** What the GPU's work is worth now and who should own the GPU: everything a decision rests on. Owned by the loop. */
export class Outlook {
  readonly #parts: LoopParts;
  #regret: Regret;
  /** Of the flight sheets alone: which of them hashes while hashing is not the owner. */
  #sheetRegret: Regret;
  #owner: Owner = { ...RESTING, why: "starting" };
  #valuations: readonly Valuation[] = [];
  #lookedAt: Millis;
  #hasWarned = false;
  readonly #hold = new PriceHold();
  #seen: Pick<DecisionFacts, "demand" | "holds"> = {};

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#lookedAt = parts.clock.monotonic();
    const sheet = lastSheet(parts) ?? parts.mining?.all[0];
    this.#regret = startRegret(sheet ? hashingBy(sheet) : parts.serving ? INFERENCE : RESTING);
    this.#sheetRegret = startRegret(sheet ? hashingBy(sheet) : RESTING);
  }

  /** A miner that an earlier agent left hashes by this flight sheet: it goes on, unless another one earns more. */
  resume(name: string): void {
    const sheet = this.#parts.mining?.all.find((one) => one.name === name);
    if (sheet === undefined) return;
    this.#sheetRegret = startRegret(hashingBy(sheet));
    if (this.#regret.owner.workload === "hashing") this.#regret = this.#sheetRegret;
  }

  get valuations(): readonly Valuation[] {
    return this.#valuations;
  }

  /** What the last look saw. */
  get seen(): Pick<DecisionFacts, "valuations" | "demand" | "holds"> {
    return { ...this.#seen, valuations: this.#valuations };
  }

  /** Who should own the GPU, cool-downs aside. */
  get owner(): Work {
    return this.#owner;
  }

  netOf(work: Work): UsdPerHour | undefined {
    return this.#valuations.find((valuation) => isSameWork(valuation, work))?.net;
  }

  /** What comes in for what has the GPU by itself, which is no choice of ours and so among no valuations. */
  netOfTenant(work: Work, drawn: Watts | undefined): UsdPerHour | undefined {
    const { tenancies, prices } = this.#parts;
    const rented = tenancies.rented(work);
    return rented && valueTenant({ ...rented, ...(drawn === undefined ? {} : { drawn }) }, prices).net;
  }

  get roundTrip(): RoundTrip {
    const { switches, ground } = this.#parts;
    return switches.roundTrip(this.#bestNet(), ground.residence.rung);
  }

  /** Values everything anew and adds what staying has cost since the last look; returns how long ago that was. */
  look(): Millis {
    const { clock, rates, served, prices, mining, serving, demand, queue, tenancies } = this.#parts;
    // Monotonic: a clock that is set must not count as hours of regret.
    const look = clock.monotonic();
    const length = millis(look - this.#lookedAt);
    this.#lookedAt = look;
    const now = clock.now();
    const capacity = served?.capacity();
    const pace = rates.tokensPerSecond();
    const inference = serving && {
      model: serving.model,
      demand: demand.over(now),
      backlog: queue.facts().worth,
      backlogTokens: queue.waitingTokens,
      ...(capacity === undefined ? {} : { capacity }),
      ...(pace === undefined ? {} : { pace }),
    };
    const facts = {
      rates,
      prices,
      sheets: mining?.all ?? [],
      externals: tenancies.valued(),
      ...(inference ? { inference } : {}),
    };
    this.#valuations = valueAll(facts, now);
    const holds = this.#hold.look(this.#valuations, look, now);
    this.#seen = { holds, ...(inference && { demand: inference.demand }) };
    const candidates = toCandidates(this.#valuations, holds);
    const costs = this.#costs();
    this.#beginWithTenant(candidates);
    this.#regret = addRegret(this.#regret, candidates, length, costs);
    const ofSheets = candidates.filter(({ workload }) => workload === "hashing");
    this.#sheetRegret = addRegret(this.#sheetRegret, ofSheets, length, costs);
    const own = this.#valuations.find((one) => isSameWork(one, this.#regret.owner));
    this.#owner =
      own !== undefined && own.net === undefined
        ? { ...toWork(own), why: `${own.label} has the GPU until its worth is known (${own.why})` }
        : explainOwner(this.#regret, candidates);
    this.#warnOfLoneRequest(this.#parts.rules(this.roundTrip.duration));
    return length;
  }

  /** What was found running owns the GPU until something else has paid more; not before what we do instead is measured. */
  #beginWithTenant(candidates: readonly Candidate[]): void {
    const { tenant } = this.#parts.tenancies;
    const { portfolio, owner } = this.#regret;
    if (portfolio !== undefined || tenant?.kind !== "started") return;
    const found = candidates.find(({ workload, name }) => workload === "external" && name === tenant.name);
    const isMeasured = candidates.some((one) => isSameWork(one, owner));
    if (found !== undefined && isMeasured) this.#regret = startRegret(found);
  }

  /** As they are now. */
  #costs(): RoundTripCosts {
    const { switches, ground } = this.#parts;
    const best = this.#bestNet();
    const terms = { best, residence: ground.residence.rung };
    // A dozen works make a hundred pairs, of a few kinds only.
    const trips = new Map<string, UsdNano>();
    const kindOf = (work: Work) => (work.workload === "external" ? sayWork(work) : work.workload);
    return (one, other) => {
      const kind = `${kindOf(one)} to ${kindOf(other)}`;
      const cost = trips.get(kind) ?? switches.roundTripOf(one, other, terms).cost;
      trips.set(kind, cost);
      return addUsd(cost, addUsd(this.#leaveCost(one, best), this.#leaveCost(other, best)));
    };
  }

  /** Beside the handover itself. After external work the GPU is left alone for a while, which costs what it would have earned. */
  #leaveCost(work: Work, best: UsdPerHour): UsdNano {
    const { mining, tenancies } = this.#parts;
    return mining?.of(work)?.leaveCost ?? earnedOver(best, tenancies.coolDownAfter(work));
  }

  /** Why a request worth `worth` did not get a GPU that works for another owner; undefined where its worth was enough. */
  whyTooPoor(worth: UsdNano, { workload }: Work, { wakeValue }: SwitchRules): string | undefined {
    if (workload === "none" || workload === "inference" || this.#owner.workload === "inference") return undefined;
    const { cost } = this.roundTrip;
    return addUsd(this.#parts.queue.facts().worth, wakeValue) < cost
      ? sayTooPoor({ worth, wakeValue, cost })
      : undefined;
  }

  /** Hashing that is wanted and cannot be is the pool's fault, whoever wants it. */
  blame(why: string, wanted: Work): string {
    const away = this.#parts.mining?.of(wanted)?.poolAway();
    return away === undefined ? why : `the pool is away (${away.reason}); ${why}`;
  }

  /** Told once, as soon as it is known what the GPU would miss. */
  #warnOfLoneRequest({ wakeValue, lending }: SwitchRules): void {
    const { info, logger, serving, ordered, prices } = this.#parts;
    const tokens = prices.tokens?.();
    if (this.#hasWarned || !serving || !lending || tokens === undefined || ordered() !== "auto") return;
    if (this.#owner.workload === "inference" || this.netOf(this.#sheetRegret.owner) === undefined) return;
    this.#hasWarned = true;
    const warning = warnOfLoneRequest(tokens, wakeValue, this.roundTrip.cost);
    if (warning !== undefined) logger.warn(warning, { gpu: info.uuid });
  }

  /** All a decision rests on, for a GPU in `assignment`; `now` is steady. */
  facts({ since, ...work }: Assignment, mode: Mode, now: UnixMs): GpuFacts {
    const { info, queue, switches } = this.#parts;
    const trip = this.roundTrip;
    const { idleSince } = queue;
    const hashing = this.#hashing(now);
    const isBarred = hashing !== undefined && this.#objection(hashing, now) !== undefined;
    const gapWork = isBarred ? RESTING : bestBetweenRequests(this.#valuations, hashing);
    const gapNet = this.netOf(gapWork);
    const { gapSwitchFree } = switches;
    const linger = learnedLinger(queue.learner, trip.duration, lingerFor(trip.duration, trip.cost, gapNet));
    const loan = this.#loan({ ...work, since }, now);
    return {
      gpu: info.uuid,
      mode,
      ...toWork(work),
      since,
      owner: this.#ownerAt(work, now),
      regretShare: regretShare(this.#regret),
      gapWork,
      ...(hashing === undefined ? {} : { hashing }),
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

  /** While the owner cools down, or waits for the rest of its set, the best of what needs no request stands in, or nothing does. */
  #ownerAt(current: Work, now: UnixMs): Owner {
    const why = this.#objection(this.#owner, now);
    if (why === undefined || (this.#owner.workload === "external" && isSameWork(this.#owner, current)))
      return this.#withHindrance();
    const standIn = this.#best(({ workload }) => workload !== "inference", now);
    if (standIn === undefined || standIn.net <= (this.netOf(RESTING) ?? 0)) return { ...RESTING, why };
    return { ...toWork(standIn), why: `${standIn.label} stands in: ${why}` };
  }

  /** What pays more and cannot be had is said at once, not only once it would own the GPU. */
  #withHindrance(): Owner {
    const { tenancies } = this.#parts;
    const net = this.netOf(this.#owner);
    const better = toCandidates(this.#valuations)
      .filter((one) => net !== undefined && one.net > net)
      .reduce<Candidate | undefined>((best, one) => (best === undefined || one.net > best.net ? one : best), undefined);
    const why = better && tenancies.objection(better);
    return why === undefined ? this.#owner : { ...this.#owner, why: `${better?.label} pays more now, but ${why}` };
  }

  /** By which flight sheet the GPU hashes when it does; one that cools down lets the best of the others stand in. */
  #hashing(now: UnixMs): Chosen | undefined {
    const { mining, trial } = this.#parts;
    if (mining === undefined) return undefined;
    if (trial.hashing !== undefined) return trial.hashing;
    const usual = chosenBy(this.#owner.workload === "hashing" ? this.#regret : this.#sheetRegret);
    if (this.#objection(usual, now) === undefined) return usual;
    const standIn = this.#best(({ workload }) => workload === "hashing", now);
    return standIn === undefined ? usual : toWork(standIn);
  }

  /** Why this work cannot be had now. */
  #objection(work: Work, now: UnixMs): string | undefined {
    const { cooldown, tenancies, mining, clock } = this.#parts;
    const block = cooldown.blocking(work, now);
    if (block !== undefined) return sayBlocked(block, now);
    return mining?.whyAway(work, clock.now()) ?? tenancies.objection(work);
  }

  /** What pays most of what can be had. */
  #best(isMeant: (one: Candidate) => boolean, now: UnixMs): Candidate | undefined {
    return toCandidates(this.#valuations)
      .filter((one) => one.workload !== "none" && isMeant(one) && this.#objection(one, now) === undefined)
      .reduce<Candidate | undefined>((best, one) => (best === undefined || one.net > best.net ? one : best), undefined);
  }

  /** What borrowing the GPU from its owner has brought and cost so far; undefined when it is not borrowed. */
  #loan({ workload, since }: Pick<Assignment, "workload" | "since">, now: UnixMs): Loan | undefined {
    const { queue, rules } = this.#parts;
    const own = this.netOf(this.#owner);
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

/** By which the GPU hashed last, as far as it did. */
function lastSheet({ ledger, info, mining }: LoopParts): FlightSheet | undefined {
  const last = ledger.transitions.latest(info.uuid);
  const name = last?.to === "hashing" ? last.toName : last?.from === "hashing" ? last.fromName : undefined;
  return mining?.all.find((sheet) => sheet.name === name);
}
