import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, ShareRow } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { CoinQuote } from "../market/file.ts";
import { effectiveHashrate } from "../mining/stratum/effective-hashrate.ts";
import { hashCredit } from "../units/money.ts";
import { elapsed, millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { type Hashrate, hashrate } from "../units/work.ts";
import type { RateBasis } from "../valuation/valuation.ts";
import type { MinerControl } from "./miner-control.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import { Wake } from "./wake.ts";

const FIRST_SHARE_TIMEOUT = seconds(60);
const LOOK_EVERY = seconds(0.25);
const EFFECTIVE_WINDOW = minutes(10);

export interface LiveHashrate {
  readonly effective?: Hashrate;
  readonly reported?: Hashrate;
}

/** The shares and the speed of one GPU while it hashes. Shares come from the proxy, the rest from the GPU's loop. */
export class HashingWatch {
  readonly #parts: { readonly gpu: GpuUuid; readonly ledger: Ledger; readonly clock: Clock; readonly coin: CoinQuote };
  readonly #news = new Wake();
  #accepted = 0;
  #jobId: string | undefined;
  /** When the GPU hashed lately, oldest first; the last span is open while it hashes. */
  #spans: readonly { readonly from: UnixMs; readonly to?: UnixMs }[] = [];
  live: LiveHashrate = {};

  constructor(parts: { gpu: GpuUuid; ledger: Ledger; clock: Clock; coin: CoinQuote }) {
    this.#parts = parts;
  }

  /** Shares from now on belong to `jobId`. */
  begin(jobId: string): void {
    this.#jobId = jobId;
    this.#spans = [...this.#spans, { from: this.#parts.clock.now() }];
  }

  /** The last share of a job may still be on its way: it keeps its job until the next one begins. */
  end(): void {
    const to = this.#parts.clock.now();
    this.#spans = this.#spans.map((span) => ({ to, ...span }));
    this.live = {};
  }

  /** Writes the share and, when accepted, what it is estimated to be worth. */
  record(share: ShareRow): void {
    const { ledger, coin } = this.#parts;
    const jobId = this.#jobId;
    ledger.transaction(() => {
      ledger.shares.append(share, jobId);
      if (share.verdict === "accepted" && jobId !== undefined)
        ledger.jobs.addRevenue(jobId, hashCredit(share.expectedHashes, coin.value));
    });
    if (share.verdict !== "accepted") return;
    this.#accepted++;
    this.#news.call();
  }

  /** Done with the next accepted share; fails after a minute without one. `early` may end the wait before. */
  async firstShare(early: () => Outcome | undefined, signal: AbortSignal): Promise<Outcome> {
    const { clock } = this.#parts;
    const before = this.#accepted;
    const deadline = clock.monotonic() + FIRST_SHARE_TIMEOUT;
    while (!signal.aborted) {
      const outcome = this.#accepted > before ? DONE : early();
      if (outcome !== undefined) return outcome;
      if (clock.monotonic() >= deadline) return failed("the pool accepted no share within 60 s");
      await this.#news.sleep(clock, LOOK_EVERY, signal);
    }
    return ABORTED;
  }

  /** Looks at miner and shares; the effective rate wins as soon as there are enough shares for one. */
  async look(
    miner: MinerControl,
    signal: AbortSignal,
  ): Promise<{ readonly rate: Hashrate; readonly basis: RateBasis } | undefined> {
    const stats = await miner.stats(signal);
    const effective = this.#effective();
    const reported = stats?.hashrateHps;
    this.live = {
      ...(effective === undefined ? {} : { effective }),
      ...(reported == null ? {} : { reported: hashrate(reported) }),
    };
    if (effective !== undefined) return { rate: effective, basis: "effective" };
    return reported == null ? undefined : { rate: hashrate(reported), basis: "reported" };
  }

  /** From the shares of the last ten minutes over the time really spent hashing in them. */
  #effective(): Hashrate | undefined {
    const { gpu, ledger, clock } = this.#parts;
    const now = clock.now();
    const from = unixMs(now - EFFECTIVE_WINDOW);
    this.#spans = this.#spans.filter(({ to = now }) => to > from);
    const spent = this.#spans.map(({ from: start, to = now }) =>
      Math.max(0, elapsed(unixMs(Math.max(start, from)), to)),
    );
    const window = millis(spent.reduce((sum, length) => sum + length, 0));
    return effectiveHashrate(ledger.shares.acceptedSince(gpu, from), window)?.hashrate;
  }
}
