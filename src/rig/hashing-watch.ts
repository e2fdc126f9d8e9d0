import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, ShareRow } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { isRigError } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { CoinQuote } from "../market/file.ts";
import type { MinerNews } from "../mining/miners/door.ts";
import { effectiveHashrate, mostHashrate } from "../mining/stratum/effective-hashrate.ts";
import { elapsed, type Millis, millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import type { Hashrate } from "../units/work.ts";
import type { RateBasis } from "../valuation/valuation.ts";
import { CoinShares, isPaid, type KeptOf } from "./coin-shares.ts";
import type { MinerControl } from "./miner-control.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import { Wake } from "./wake.ts";

const FIRST_SHARE_WITHIN = minutes(1);
const LOOK_EVERY = seconds(0.25);
/** Unanswered questions until a miner counts as hung; each takes a second or two. */
const PATIENCE = 10;
const EFFECTIVE_WINDOW = minutes(10);
/** The proxy waits no longer for the answer to a share. */
const LATEST_ANSWER = minutes(15);

/** More than luck and a short trouble leave; from then on work is not recorded. */
const MOST_KEPT = 100;

/** The ledger can be written, but not this. */
export const isRefused = (error: unknown): boolean => isRigError(error) && error.facts.code === "ERR_LEDGER_REFUSED";

interface CoinHashrate {
  readonly effective?: Hashrate;
  readonly reported?: Hashrate;
}

export interface LiveHashrate extends CoinHashrate {
  /** Of the second coin, where there is one. */
  readonly dual?: CoinHashrate;
}

interface FoundShare {
  readonly share: ShareRow;
  readonly jobId: string | undefined;
}

interface BasedRate {
  readonly rate: Hashrate;
  readonly basis: RateBasis;
}

export interface HashingWatchParts {
  readonly gpu: GpuUuid;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly coin: CoinQuote;
  /** A second coin, whose shares come from the same work. */
  readonly dual?: CoinQuote | undefined;
  /** All of what they are worth when absent. */
  readonly kept?: KeptOf | undefined;
  /** How fast it hashes a coin, as it was measured before; bounds what pools are believed. */
  readonly known?: ((coin: string) => Hashrate | undefined) | undefined;
  readonly logger?: Logger | undefined;
  /** Default: a minute. */
  readonly firstShareWithin?: Millis;
}

/** The shares and the speed of one GPU while it hashes by one flight sheet. Shares come from the proxy, the rest from the GPU's loop. */
export class HashingWatch {
  readonly #parts: HashingWatchParts;
  readonly #coin: CoinShares;
  readonly #dual: CoinShares | undefined;
  readonly #news = new Wake();
  /** On the monotonic clock: what was sent before says nothing of the miner that starts. */
  #startsAt: Millis | undefined;
  #isProven = false;
  /** Oldest first, on the monotonic clock; none that no share can be of any more, but for the newest. */
  #jobs: readonly { readonly id: string; readonly began: Millis }[] = [];
  /** When the GPU hashed lately, oldest first; the last span is open while it hashes. */
  #spans: readonly { readonly jobId: string; readonly from: UnixMs; readonly to?: UnixMs }[] = [];
  #reported: Pick<MinerNews, "hashrate" | "dualHashrate"> = {};
  /** In the order in which they came; the ledger did not take them yet. */
  #kept: readonly FoundShare[] = [];
  #asking = false;
  #silences = 0;

  constructor(parts: HashingWatchParts) {
    this.#parts = parts;
    const { coin, dual, known } = parts;
    const of = (one: CoinQuote) =>
      new CoinShares({ ...parts, coin: one, isPart: dual !== undefined, known: () => known?.(one.coin) });
    this.#coin = of(coin);
    this.#dual = dual && of(dual);
  }

  /** Shares that are sent from now on belong to `jobId`. */
  begin(jobId: string): void {
    const began = this.#parts.clock.monotonic();
    const forgotten = this.#jobs.findLastIndex((job) => began - job.began > LATEST_ANSWER);
    this.#jobs = [...this.#jobs.slice(Math.max(0, forgotten)), { id: jobId, began }];
    this.#spans = [...this.#spans, { jobId, from: this.#parts.clock.now() }];
    this.#silences = 0;
    this.#coin.begin();
    this.#dual?.begin();
  }

  /** The last share of a job may still be on its way: it keeps its job until the next one begins. */
  end(): void {
    const to = this.#parts.clock.now();
    this.#spans = this.#spans.map((span) => ({ to, ...span }));
    this.#reported = {};
    this.#coin.end();
    this.#dual?.end();
  }

  /** What was hashed so far was hashed with other settings, and says nothing of the speed from here on. */
  startAnew(): void {
    const open = this.#spans.at(-1);
    this.#spans = open === undefined || open.to !== undefined ? [] : [{ ...open, from: this.#parts.clock.now() }];
  }

  /**
   * Writes the share and what it is estimated to be worth: nothing, where our own check says the pool is mistaken. Without
   * a fresh price it waits for one: pools credit that work too, and an estimate without it would make them look generous.
   * A share that the ledger does not take is kept, up to a limit, and tried again before the next one.
   */
  record(share: ShareRow): void {
    const one = { share, jobId: this.#jobOf(share) };
    const of = this.#coinOf(share);
    of.judge(share);
    if (isPaid(share)) this.#prove(share);
    this.bookKept();
    try {
      this.#book(one);
    } catch (error) {
      if (this.#kept.length < MOST_KEPT) this.#kept = [...this.#kept, one];
      throw error;
    }
  }

  /** True while a share that the ledger does not take can be kept for later. */
  get canKeep(): boolean {
    return this.#kept.length < MOST_KEPT;
  }

  /** Tries what the ledger did not take before; returns how many shares it still does not take. */
  bookKept(): number {
    let isThere = true;
    this.#kept = this.#kept.filter((one) => {
      if (!isThere) return true;
      try {
        this.#book(one);
        return false;
      } catch (error) {
        // Each try at a ledger that is not there may take seconds.
        isThere = isRefused(error);
        return true;
      }
    });
    return this.#kept.length;
  }

  #book({ share, jobId }: FoundShare): void {
    const { ledger } = this.#parts;
    const of = this.#coinOf(share);
    const committed = ledger.transaction(() => {
      const booked = ledger.shares.append(share, jobId);
      return booked && of.earn(share, booked.jobId);
    });
    committed?.();
  }

  #coinOf({ coin }: ShareRow): CoinShares {
    return this.#dual !== undefined && coin === this.#parts.dual?.coin ? this.#dual : this.#coin;
  }

  /** Which was under way when the share was sent; one from before the first is the first's. */
  #jobOf({ at, latencyMs }: ShareRow): string | undefined {
    const { clock } = this.#parts;
    const age = latencyMs ?? Math.max(0, elapsed(at, clock.now()));
    const sent = clock.monotonic() - age;
    return (this.#jobs.findLast(({ began }) => began <= sent) ?? this.#jobs[0])?.id;
  }

  /** Why a pool pays for nothing of what is hashed; undefined while it does, or nobody can tell. */
  get whyFruitless(): string | undefined {
    const { hashrate, dualHashrate } = this.#reported;
    return this.#coin.whyFruitless(hashrate) ?? this.#dual?.whyFruitless(dualHashrate);
  }

  /** A share that the miner of before sent may be answered only now. */
  #prove({ latencyMs = 0 }: ShareRow): void {
    const startsAt = this.#startsAt;
    if (startsAt === undefined || this.#parts.clock.monotonic() - latencyMs < startsAt) return;
    this.#isProven = true;
    this.#news.call();
  }

  /** The miner starts now: its first share may be accepted before anybody waits for it. */
  expectShare(): void {
    this.#startsAt = this.#parts.clock.monotonic();
    this.#isProven = false;
  }

  /** Done with the first accepted share since `expectShare`; fails where none comes in time. `early` may end the wait before. */
  async firstShare(early: () => Outcome | undefined, signal: AbortSignal): Promise<Outcome> {
    const { clock, firstShareWithin = FIRST_SHARE_WITHIN } = this.#parts;
    const deadline = clock.monotonic() + firstShareWithin;
    while (!signal.aborted) {
      const outcome = this.#isProven ? DONE : early();
      if (outcome !== undefined) return outcome;
      if (clock.monotonic() >= deadline)
        return failed(`the pool accepted no share within ${firstShareWithin / 1000} s`);
      await this.#news.sleep(clock, LOOK_EVERY, signal);
    }
    return ABORTED;
  }

  /** Asks the miner in the background, one question at a time, so that nobody waits for a miner that hangs. */
  ask(miner: MinerControl, signal: AbortSignal): void {
    if (this.#asking) return;
    this.#asking = true;
    void miner.stats(signal).then((stats) => {
      this.#asking = false;
      this.#silences = stats === undefined ? this.#silences + 1 : 0;
      this.#reported = stats ?? {};
      this.#coin.tell(stats?.hashrate);
      this.#dual?.tell(stats?.dualHashrate);
    });
  }

  /** True once the miner left several questions in a row unanswered. */
  get isSilent(): boolean {
    return this.#silences >= PATIENCE;
  }

  /** The speed now: from the shares as soon as there are enough of them, until then the miner's word as far as they bear it out. */
  rate(): BasedRate | undefined {
    return this.#based(this.live, this.#coin);
  }

  /** The same of the second coin; undefined where there is none. */
  dualRate(): BasedRate | undefined {
    return this.#dual && this.#based(this.live.dual ?? {}, this.#dual);
  }

  #based({ effective, reported }: CoinHashrate, of: CoinShares): BasedRate | undefined {
    if (effective !== undefined) return { rate: effective, basis: "effective" };
    if (reported === undefined) return undefined;
    const most = this.#most(of);
    return { rate: most !== undefined && most < reported ? most : reported, basis: "reported" };
  }

  /** Empty while the GPU does not hash. */
  get live(): LiveHashrate {
    if (this.#spans.at(-1)?.to !== undefined || this.#spans.length === 0) return {};
    const { hashrate, dualHashrate } = this.#reported;
    const first = this.#liveOf(this.#coin, hashrate);
    return this.#dual === undefined ? first : { ...first, dual: this.#liveOf(this.#dual, dualHashrate) };
  }

  #liveOf(of: CoinShares, reported: Hashrate | undefined): CoinHashrate {
    const effective = this.#effective(of);
    return { ...(effective === undefined ? {} : { effective }), ...(reported === undefined ? {} : { reported }) };
  }

  /**
   * From the shares of the last ten minutes over the time really spent hashing in them. Shares that an earlier agent
   * found are left out: how long it hashed for them is not known here.
   */
  #effective(of: CoinShares): Hashrate | undefined {
    const { shares, window } = this.#accepted(of);
    const proven = effectiveHashrate(shares, window);
    return proven && of.believable(proven.hashrate, proven.shares);
  }

  /** More than this can hardly hide behind so few accepted shares. */
  #most(of: CoinShares): Hashrate | undefined {
    if (of.shareHashes === undefined) return undefined;
    const { shares, window } = this.#accepted(of);
    return mostHashrate(shares, window, of.shareHashes);
  }

  #accepted(of: CoinShares): {
    readonly shares: readonly { readonly expectedHashes: number }[];
    readonly window: Millis;
  } {
    const { gpu, ledger, clock } = this.#parts;
    const now = clock.now();
    const oldest = unixMs(now - EFFECTIVE_WINDOW);
    this.#spans = this.#spans.filter(({ to = now }) => to > oldest);
    const from = unixMs(Math.max(oldest, this.#spans[0]?.from ?? now));
    const spent = this.#spans.map(({ from: start, to = now }) =>
      Math.max(0, elapsed(unixMs(Math.max(start, from)), to)),
    );
    const window = millis(spent.reduce((sum, length) => sum + length, 0));
    const jobs = this.#spans.map(({ jobId }) => jobId);
    return { shares: ledger.shares.acceptedSince(gpu, from, jobs, of.coin), window };
  }
}
