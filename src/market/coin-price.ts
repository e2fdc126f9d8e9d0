import type { RigConfig } from "../config/load.ts";
import { type UsdPerTerahash, usdPerTerahash } from "../units/money.ts";
import { after, elapsed, minutes, type UnixMs, unixMs } from "../units/time.ts";
import { parseJson } from "./answer.ts";
import { parseJsonValue } from "./coins/json-value.ts";
import { parseMinerstat } from "./coins/minerstat.ts";
import { parsePoolStatus } from "./coins/pool-status.ts";
import type { CoinSighting, WantedCoin } from "./coins/sighting.ts";
import { parseWhatToMine } from "./coins/what-to-mine.ts";
import type { Currencies } from "./currencies.ts";
import { answerFault } from "./errors.ts";
import { type FeedOptions, nameOf } from "./fetch/feed.ts";
import type { CoinQuote } from "./file.ts";
import { KeptPrice } from "./guard-memory.ts";

export type CoinSource = RigConfig["market"]["sources"][number];

interface CoinPriceParts extends FeedOptions {
  readonly coin: string;
  readonly algorithm: string;
  readonly sources: readonly CoinSource[];
  readonly currencies: Currencies;
  /** Of the pool; taken back where a source has it off already, because it is taken off once for all. */
  readonly poolFeePct: number;
}

/** What one source's words mean for one coin. */
export interface CoinListener {
  readonly source: CoinSource;
  /** Throws `PriceSourceError` when the text says nothing of the coin. */
  readonly onText: (text: string, read: UnixMs) => void;
  readonly isAwaited: () => boolean;
}

/** What the work of one coin pays by several sources. Written by its listeners, read by anybody. */
export class CoinPrice {
  readonly #parts: CoinPriceParts;
  readonly #guard: KeptPrice;
  readonly #waiting = new Map<number, CoinSighting & { readonly at: UnixMs }>();
  /** Before which each source is not asked again; a file may change at any time. */
  readonly #nextLooks = new Map<string, UnixMs>();
  readonly listeners: readonly CoinListener[];

  constructor(parts: CoinPriceParts) {
    this.#parts = parts;
    const { coin, algorithm, sources } = parts;
    const known = new Map(sources.map((source, index) => [keyOf(source, index), source]));
    this.#guard = new KeptPrice(`coin-${coin}-${algorithm}`, known, parts);
    this.listeners = sources.map((source, index) => this.#listen(source, index));
  }

  /** Values again what came in a currency that nobody could change then. */
  retry(): void {
    for (const [index, sighting] of this.#waiting) this.#sight(index, sighting);
  }

  /** A quote that always tells the present state; its value is undefined while no price is believed. */
  get quote(): CoinQuote {
    const { coin, algorithm, sources, clock } = this.#parts;
    const guard = this.#guard;
    const until = () => this.#until();
    const names = [...new Set(sources.map(nameOf))].join(", ");
    const belief = () => guard.believed(clock.now());
    return {
      coin,
      algorithm,
      unit: "USD/TH",
      currency: "USD",
      invented: false,
      get maxAge() {
        return guard.maxAge;
      },
      get value(): UsdPerTerahash | undefined {
        const value = belief()?.value;
        return value === undefined ? undefined : usdPerTerahash(value);
      },
      get asOf(): UnixMs {
        return belief()?.at ?? unixMs(0);
      },
      get sources() {
        return { believed: belief()?.sources ?? 0, asked: sources.length };
      },
      get until() {
        return until();
      },
      get isMoving() {
        return guard.isMoving;
      },
      get source(): string {
        const fresh = belief()?.sources ?? 0;
        return `${names} (${fresh} of ${sources.length} believed)`;
      },
    };
  }

  /** Before a source is asked again, nothing can change. */
  #until(): UnixMs | undefined {
    const { sources, clock } = this.#parts;
    const looks = sources.map((source, index) => this.#nextLooks.get(keyOf(source, index)) ?? 0);
    const next = unixMs(Math.min(...looks));
    return this.#guard.believed(clock.now()) !== undefined && next > clock.now() ? next : undefined;
  }

  #listen(source: CoinSource, index: number): CoinListener {
    const { clock, coin, algorithm } = this.#parts;
    const key = keyOf(source, index);
    const wanted = { coin, algorithm, tag: source.tag ?? coin };
    const onText = (text: string, read: UnixMs) => {
      if (source.url !== undefined) this.#nextLooks.set(key, after(read, source.every));
      const sighting = parseCoin(source, parseJson(text), wanted);
      if (sighting === undefined)
        throw answerFault(wanted.tag, `not listed for ${algorithm}, or without a price today`);
      const { asOf = read } = sighting;
      this.#sight(index, { ...sighting, at: unixMs(Math.min(asOf, read)) });
      if (elapsed(read, asOf) > minutes(5))
        throw answerFault("its time", `${new Date(asOf).toISOString()} is still to come`);
    };
    return { source, onText, isAwaited: () => this.#guard.isAwaited(clock.now()) };
  }

  #sight(index: number, sighting: CoinSighting & { readonly at: UnixMs }): void {
    const { currencies, clock, poolFeePct, sources } = this.#parts;
    const source = sources[index];
    if (source === undefined) return;
    const now = clock.now();
    const usd = currencies.rate(sighting.currency, now) ?? sighting.usdPerUnit;
    if (usd === undefined) this.#waiting.set(index, sighting);
    else this.#waiting.delete(index);
    if (usd === undefined) return;
    const beforeFee = sighting.afterPoolFee === true ? 1 - poolFeePct / 100 : 1;
    const value = (sighting.perTerahash * usd) / beforeFee;
    this.#guard.sight(keyOf(source, index), { value, at: sighting.at }, { ...source, now });
  }
}

const keyOf = (source: CoinSource, index: number): string => `${index} ${source.shape} ${nameOf(source)}`;

function parseCoin({ shape, price = "", unit = "", asOf }: CoinSource, body: unknown, wanted: WantedCoin) {
  switch (shape) {
    case "whattomine":
      return parseWhatToMine(body, wanted);
    case "minerstat":
      return parseMinerstat(body, wanted);
    case "pool-status":
      return parsePoolStatus(body, wanted);
    case "json":
      return parseJsonValue(body, { price, unit, ...(asOf === undefined ? {} : { asOf }) });
  }
}
