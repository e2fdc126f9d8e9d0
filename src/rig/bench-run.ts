import { sayWork, toWork } from "../ledger/work.ts";
import type { Watts } from "../units/energy.ts";
import { type Millis, minutes, seconds } from "../units/time.ts";
import { hashrate, tokensPerSecond } from "../units/work.ts";
import { type ForeignMiner, watchForeign } from "./bench-adopt.ts";
import { type BenchFigure, bestOf, levelsUpTo, meanOf, usualLimits } from "./bench-figures.ts";
import { refuseAway, refuseHindered } from "./bench-hindrance.ts";
import { BenchLoad } from "./bench-load.ts";
import type { BenchNews, BenchOrder } from "./bench-order.ts";
import { figureOf, type Seen, Sightings } from "./bench-sightings.ts";
import { netOf } from "./bench-value.ts";
import { RigStateError } from "./errors.ts";
import type { FlightSheet } from "./flight-sheets.ts";
import type { LoopParts } from "./loop-parts.ts";
import { dualLabel } from "./rates.ts";
import type { GpuSnapshot } from "./snapshot.ts";
import type { LimitRange } from "./tuner.ts";

type BenchParts = LoopParts & { readonly look: () => GpuSnapshot };

type Steps<T> = AsyncGenerator<BenchNews, T>;

const LOOK_EVERY = seconds(1);
/** A GPU at rest that does not begin within this does not begin. */
const START_WITHIN = minutes(2);
const SETTLE_WITHIN = seconds(90);
/** Nothing is under way; what is let out and not being ended either. */
const STANDS: ReadonlySet<string> = new Set(["idle", "open", "rented", "listed"]);
const RESTORE_WITHIN = seconds(15);
const ANSWERS_WITHIN = minutes(5);

/** One benchmark of one GPU: what it tried is taken back however it ends, also when `signal` fires or nobody reads on. */
export async function* runBench(order: BenchOrder, parts: BenchParts, signal: AbortSignal): Steps<void> {
  const run = new BenchRun(order, parts, signal);
  run.refuse();
  const wanted = order.workload === "hashing" ? "mine" : "serve";
  const end = parts.trial.begin(order.take ? wanted : undefined, order.sheet);
  try {
    parts.wake.call();
    const figures = yield* run.measure();
    end();
    parts.wake.call();
    if (signal.aborted) return;
    const isRestored = await run.restored();
    const best = order.sweep && bestOf(figures);
    yield { kind: "end", figures, isRestored, ...(best === undefined ? {} : { best }) };
  } finally {
    end();
    if (order.sweep !== undefined) run.sheet?.watch.startAnew();
    parts.wake.call();
  }
}

class BenchRun {
  readonly #order: BenchOrder;
  readonly #parts: BenchParts;
  readonly #signal: AbortSignal;
  readonly #began;

  constructor(order: BenchOrder, parts: BenchParts, signal: AbortSignal) {
    this.#order = order;
    this.#parts = parts;
    this.#signal = signal;
    this.#began = parts.clock.now();
  }

  /** Before anything is touched. */
  refuse(): void {
    const { workload, sheet, take } = this.#order;
    const { mining, serving, info } = this.#parts;
    const gpu = this.#parts.look();
    if (sheet !== undefined && this.sheet === undefined)
      throw new RigStateError(`GPU ${info.uuid} has no flight sheet ${JSON.stringify(sheet)}`, {
        code: "ERR_BENCH_SHEET",
        gpu: info.uuid,
        mend: sayKnown(mining?.all ?? []),
      });
    if (workload === "hashing" ? mining === undefined : serving === undefined)
      throw new RigStateError(`this GPU is not configured for ${workload}`, {
        code: "ERR_BENCH_NO_RATE",
        gpu: info.uuid,
        mend: `set \`${workload === "hashing" ? "mining" : "inference"}\` in rig.yaml`,
      });
    if (typeof this.#order.adopt === "object") return;
    this.#check();
    if (take || this.#isWanted(gpu)) return;
    const does = gpu.workload === "none" ? "rests" : `does ${sayWork(gpu)}`;
    throw new RigStateError(`GPU ${info.uuid} ${does}, and is left at it`, {
      code: "ERR_BENCH_TAKE",
      gpu: info.uuid,
      mend: "measure another with --gpu, or take it off that for the measurement with --take",
    });
  }

  async *measure(): Steps<readonly BenchFigure[]> {
    const { adopt } = this.#order;
    if (typeof adopt === "object") return [yield* this.#adopt(adopt)];
    if (adopt === "own" && this.#role === "serving") return yield* this.#learned();
    const range = this.#order.sweep === undefined ? undefined : await this.#range();
    yield* this.#untilAtWork();
    if (range !== undefined) return yield* this.#sweep(range);
    return this.#order.workload === "hashing" ? [yield* this.#hash({})] : yield* this.#serve();
  }

  /** Whether the limit of before is in force again, within seconds of the trial's end. */
  async restored(): Promise<boolean> {
    const { trial, clock } = this.#parts;
    const deadline = clock.monotonic() + RESTORE_WITHIN;
    while (trial.isHeld && clock.monotonic() < deadline && !this.#signal.aborted)
      await clock.wait(LOOK_EVERY, this.#signal);
    return !trial.isHeld;
  }

  get #role(): "hashing" | "serving" {
    return this.#order.workload === "hashing" ? "hashing" : "serving";
  }

  #check(): void {
    refuseHindered(this.#parts, this.#began);
    if (this.#role === "hashing") refuseAway(this.#parts, this.#order.sheet);
  }

  async *#untilAtWork(): Steps<void> {
    const { clock, look, info, tenancies } = this.#parts;
    let quietSince = clock.monotonic();
    while (!this.#signal.aborted) {
      this.#check();
      const gpu = look();
      if (this.#isAtWork(gpu)) return;
      const leaving = tenancies.isLeaving ? tenancies.tenant?.words : undefined;
      if (leaving !== undefined || !STANDS.has(gpu.state)) quietSince = clock.monotonic();
      if (clock.monotonic() - quietSince > START_WITHIN)
        throw new RigStateError(`GPU ${info.uuid} does not get to ${this.#order.workload}: ${gpu.why}`, {
          code: "ERR_BENCH_NO_RATE",
          gpu: info.uuid,
          mend: "see `rigshift status` for what keeps it from that",
        });
      yield { kind: "progress", doing: `waiting for ${this.#order.workload}: ${leaving ?? gpu.state}`, part: 0 };
      await clock.wait(LOOK_EVERY, this.#signal);
    }
  }

  /** The flight sheet that is measured. */
  get sheet(): FlightSheet | undefined {
    const { mining, look } = this.#parts;
    const { sheet } = this.#order;
    if (sheet !== undefined) return mining?.all.find(({ name }) => name === sheet);
    return mining?.of(toWork(look())) ?? mining?.all[0];
  }

  #isWanted({ workload, name }: GpuSnapshot): boolean {
    const { workload: wanted, sheet } = this.#order;
    return workload === wanted && (sheet === undefined || name === sheet);
  }

  #isAtWork(gpu: GpuSnapshot): boolean {
    const { workload, state, hashrateEffective, hashrateReported } = gpu;
    if (!this.#isWanted(gpu) || state !== "open") return false;
    return workload === "inference" || hashrateEffective !== undefined || hashrateReported !== undefined;
  }

  /** Where the limit may go; throws before anything is touched where it may go nowhere or not where it is wanted. */
  async #range(): Promise<LimitRange> {
    const { trial, info } = this.#parts;
    const refuse = (what: string, mend: string) =>
      new RigStateError(what, { code: "ERR_BENCH_LIMIT", gpu: info.uuid, mend });
    const range = await trial.limits(this.#order.workload, this.#signal);
    if (range === undefined)
      throw refuse("this GPU tells no power limit, so none can be tried", "measure without --power-sweep");
    const far = this.#order.sweep?.limits?.find((limit) => limit < range.lowest || limit > range.highest);
    if (far === undefined) return range;
    const mend = `stay within ${range.lowest} to ${range.highest} W, or allow more with mayRaise in power.profiles`;
    throw refuse(`a power limit of ${far} W is out of range`, far > range.highest ? mend : mend.replace(/,.*/, ""));
  }

  async *#adopt(miner: ForeignMiner): Steps<BenchFigure> {
    const { length, trustsUntold = false } = this.#order;
    const adoption = { parts: this.#parts, length, sheet: this.sheet, trustsUntold };
    const watch = watchForeign(miner, adoption, this.#signal);
    for (;;) {
      const { done, value } = await watch.next();
      if (done) return yield* this.#finish({ ...this.#blank(), ...value }, {});
      const left = Math.max(0, Math.round((length * (1 - value)) / 1000));
      yield { kind: "progress", doing: `watching ${miner.program}, ${left} s left`, part: value };
    }
  }

  /** What the requests of late have taught, kept as it is. */
  *#learned(): Generator<BenchNews, readonly BenchFigure[]> {
    const { served } = this.#parts;
    const figures: BenchFigure[] = [];
    for (const { at: _, basis: __, ...known } of served?.list() ?? []) {
      const figure = { ...this.#blank(), ...known, isSteady: true, isStored: true };
      const net = netOf(figure, { ...this.#parts, sheet: this.sheet });
      figures.push(yield* this.#tell({ ...figure, ...(net === undefined ? {} : { net }) }));
    }
    served?.store();
    return figures;
  }

  async *#sweep(range: LimitRange): Steps<readonly BenchFigure[]> {
    const wanted = this.#order.sweep?.limits ?? usualLimits(range.standing, range.lowest);
    const limits = [...new Set(wanted)].sort((a, b) => b - a);
    const figures: BenchFigure[] = [];
    for (const [index, powerLimit] of limits.entries()) {
      const done = { part: index / limits.length, share: 1 / limits.length, powerLimit };
      const refusal = yield* this.#set(powerLimit, done.part);
      if (this.#signal.aborted) break;
      const isStanding = powerLimit === range.standing;
      if (refusal !== undefined) figures.push(yield* this.#tell({ ...this.#blank(), powerLimit, note: refusal }));
      else if (this.#role === "hashing") figures.push(yield* this.#hash({ ...done, isStanding }));
      else figures.push(yield* this.#serveAt(this.#slots, { ...done, isStanding }));
    }
    return figures;
  }

  /** Waits until the GPU's loop has set the limit; returns why the driver would not. */
  async *#set(limit: Watts, part: number): Steps<string | undefined> {
    const { trial, wake, clock, info } = this.#parts;
    trial.want(limit);
    wake.call();
    while (!this.#signal.aborted) {
      this.#check();
      const { outcome } = trial;
      if (outcome?.kind === "held") return undefined;
      if (outcome?.kind === "refused" && outcome.isFinal)
        throw new RigStateError(`the power limit of GPU ${info.uuid} cannot be set: ${outcome.reason}`, {
          code: "ERR_BENCH_LIMIT",
          gpu: info.uuid,
          mend: "run the agent as a user that may set power limits, or measure without --power-sweep",
        });
      if (outcome?.kind === "refused") return outcome.reason;
      yield { kind: "progress", doing: `setting ${limit} W`, part };
      await clock.wait(LOOK_EVERY, this.#signal);
    }
    return undefined;
  }

  get #slots(): number {
    const { engine } = this.#parts.look();
    return engine?.kind === "ready" ? engine.facts.slots : 1;
  }

  #blank(): BenchFigure {
    const { serving } = this.#parts;
    const isHashing = this.#role === "hashing";
    return {
      label: (isHashing ? this.sheet?.name : serving?.model) ?? this.#order.workload,
      unit: isHashing ? "H/s" : "tok/s",
      basis: isHashing ? "reported" : "served",
      samples: 0,
      isSteady: false,
      isStored: false,
    };
  }

  *#tell(figure: BenchFigure): Generator<BenchNews, BenchFigure> {
    yield { kind: "figure", figure };
    return figure;
  }

  /** The rate and watts of hashing, with the settings in force. */
  async *#hash(at: Setting): Steps<BenchFigure> {
    const seen = yield* this.#watch(at, ({ hashrateReported }) => hashrateReported);
    const rate = meanOf(seen.rates);
    const { powerLimit } = at;
    const basis = seen.isEffective ? "effective" : "reported";
    const dual = this.sheet?.watch.dualRate();
    const figure = { ...this.#blank(), basis, ...figureOf(seen, rate, powerLimit), ...(dual && { dual }) } as const;
    return yield* this.#finish(figure, at);
  }

  /** Tokens a second with 1, 2, 4, … requests at once. */
  async *#serve(): Steps<readonly BenchFigure[]> {
    const levels = levelsUpTo(this.#slots);
    const figures: BenchFigure[] = [];
    for (const [index, concurrency] of levels.entries()) {
      if (this.#signal.aborted) break;
      figures.push(yield* this.#serveAt(concurrency, { part: index / levels.length, share: 1 / levels.length }));
    }
    return figures;
  }

  async *#serveAt(concurrency: number, at: Setting): Steps<BenchFigure> {
    const { serving, info } = this.#parts;
    const load = new BenchLoad(
      concurrency,
      { ...this.#parts, gpu: info.uuid, model: serving?.model ?? "" },
      this.#signal,
    );
    try {
      yield* this.#untilAnswered(load, concurrency, at);
      const seen = yield* this.#watch(
        { ...at, concurrency },
        () => undefined,
        () => load.take(),
      );
      yield* this.#untilAnswered(load, concurrency, at);
      const { rate, requests } = load.take();
      const figure = { ...this.#blank(), ...figureOf(seen, rate, at.powerLimit), concurrency, samples: requests };
      return yield* this.#finish(figure, at);
    } finally {
      await load.end();
    }
  }

  /** Each of the requests at once has had its turn. */
  async *#untilAnswered(load: BenchLoad, count: number, { part = 0 }: Setting): Steps<void> {
    const { clock, info } = this.#parts;
    const deadline = clock.monotonic() + ANSWERS_WITHIN;
    while (!this.#signal.aborted && load.requests < count) {
      this.#check();
      if (clock.monotonic() > deadline)
        throw new RigStateError(`GPU ${info.uuid} answers no request: ${load.fault ?? "the engine is too slow"}`, {
          code: "ERR_BENCH_NO_RATE",
          gpu: info.uuid,
          mend: "see `rigshift status` and the agent's log for what the engine does",
        });
      yield { kind: "progress", doing: `${count} at once`, part };
      await clock.wait(LOOK_EVERY, this.#signal);
    }
  }

  /** Looks once a second: first until rate and power are steady, then for the order's length. */
  async *#watch(
    at: Setting & { readonly concurrency?: number },
    rateOf: (gpu: GpuSnapshot) => number | undefined,
    onSteady: () => void = () => {},
  ): Steps<Seen> {
    const { clock } = this.#parts;
    const seen = new Sightings((gpu) => this.#isWanted(gpu));
    const began = clock.monotonic();
    let since: Millis | undefined;
    let isCalm = false;
    while (!this.#signal.aborted) {
      this.#check();
      seen.add(this.#parts.look(), rateOf, at.concurrency);
      const now = clock.monotonic();
      if (since === undefined && (seen.isSteady || now - began > SETTLE_WITHIN)) {
        [isCalm, since] = [seen.isSteady, now];
        seen.forget();
        onSteady();
      }
      const passed = since === undefined ? 0 : now - since;
      if (since !== undefined && passed >= this.#order.length) break;
      const { part = 0, share = 1 } = at;
      const doing = `${sayAt(at)}${since === undefined ? "settling" : "measuring"}`;
      yield { kind: "progress", doing, part: part + share * Math.min(1, passed / this.#order.length) };
      await clock.wait(LOOK_EVERY, this.#signal);
    }
    return seen.sum(isCalm, at.powerLimit !== undefined);
  }

  /** Values the figure, and stores it where it was measured with the settings that stay. */
  *#finish(figure: BenchFigure, at: Setting): Generator<BenchNews, BenchFigure> {
    const { rate, samples } = figure;
    const net = netOf(figure, { ...this.#parts, sheet: this.sheet });
    const mayStay = at.powerLimit === undefined || at.isStanding === true;
    const isStored =
      rate !== undefined && rate > 0 && samples > 0 && mayStay && figure.note === undefined && !this.#signal.aborted;
    if (isStored) this.#store(rate, figure);
    return yield* this.#tell({ ...figure, isStored, ...(net === undefined ? {} : { net }) });
  }

  #store(rate: number, { power, samples, concurrency, basis: counted, dual }: BenchFigure): void {
    const { rates, served } = this.#parts;
    const rateKind = counted === "effective" ? counted : "reported";
    const basis = this.#order.adopt === undefined ? "benched" : "adopted";
    const drawn = power === undefined ? {} : { power };
    if (concurrency !== undefined) served?.take(concurrency, { rate: tokensPerSecond(rate), ...drawn, samples });
    else rates.take("hashing", { rate: hashrate(rate), rateKind, ...drawn, samples, basis }, this.sheet?.name);
    if (dual === undefined || this.sheet?.dual === undefined) return;
    const kind = dual.basis === "effective" ? dual.basis : "reported";
    const label = dualLabel(this.sheet.name, this.sheet.dual.coin.coin);
    rates.take("hashing", { rate: dual.rate, rateKind: kind, samples, basis }, label);
  }
}

const sayKnown = (sheets: readonly FlightSheet[]): string =>
  sheets.length === 0
    ? "set `mining` in rig.yaml, or measure a GPU that may mine with --gpu"
    : `name one that it has with --sheet: ${sheets.map(({ name }) => name).join(", ")}`;

/** Which of several settings is measured: its place in the whole, and what it is. */
interface Setting {
  readonly part?: number;
  readonly share?: number;
  readonly powerLimit?: Watts;
  /** Whether the limit is the one in force when nobody measures. */
  readonly isStanding?: boolean;
}

const sayAt = ({ powerLimit, concurrency }: Setting & { readonly concurrency?: number }): string =>
  [
    powerLimit === undefined ? "" : `${powerLimit} W, `,
    concurrency === undefined ? "" : `${concurrency} at once, `,
  ].join("");
