import type { RigConfig } from "../config/load.ts";
import type { UnixMs } from "../units/time.ts";
import { parseJson, pointedAt, toPositive } from "./answer.ts";
import { type Feed, type FeedOptions, nameOf, openFeed } from "./fetch/feed.ts";
import type { Caution } from "./guard.ts";
import { KeptPrice } from "./guard-memory.ts";

type CurrencyConfig = RigConfig["market"]["currencies"][number];

/** A rate moves every price in its currency at once, those of power too: too low a one does as much harm as too high. */
const STEADY: Caution = { mostChange: 1.25, agreement: 1.05 };
/** Of coins, which lost or won half within a day before. */
const RESTLESS: Caution = { mostChange: 2, agreement: 1.1 };
/** What states issue. */
const MONEY: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

/** What other currencies are worth in US dollars; unknown ones stay unknown. */
export class Currencies {
  readonly #fixed = new Map<string, number>([["USD", 1]]);
  readonly #fetched = new Map<string, KeptPrice>();
  readonly feeds: readonly Feed[];

  /** `onChange` is told after every answer. */
  constructor(configured: readonly CurrencyConfig[], options: FeedOptions, onChange: () => void) {
    for (const { currency, usd } of configured) if (usd !== undefined) this.#fixed.set(currency, usd);
    const asked = configured.filter(({ usd }) => usd === undefined);
    for (const currency of new Set(asked.map((one) => one.currency))) {
      const known = asked.filter((one) => one.currency === currency).map((one) => [keyOf(one), one] as const);
      const caution = MONEY.has(currency) ? STEADY : RESTLESS;
      this.#fetched.set(currency, new KeptPrice(`currency-${currency}`, new Map(known), options, caution));
    }
    this.feeds = asked.map((source) => this.#open(source, options, onChange));
  }

  /** US dollars for one unit of `currency`; undefined while nobody says. */
  rate(currency: string, now: UnixMs): number | undefined {
    return this.#fetched.get(currency)?.believed(now)?.value ?? this.#fixed.get(currency);
  }

  #open(source: CurrencyConfig, options: FeedOptions, onChange: () => void): Feed {
    const { currency, price = "", perUsd } = source;
    const { clock } = options;
    const guard = this.#fetched.get(currency);
    const onText = (text: string, at: UnixMs) => {
      const figure = toPositive(pointedAt(parseJson(text), price), price || "the answer");
      guard?.sight(keyOf(source), { value: perUsd ? 1 / figure : figure, at }, { ...source, now: clock.now() });
      onChange();
    };
    return openFeed(source, { onText, isAwaited: () => guard?.isAwaited(clock.now()) !== false }, options);
  }
}

const keyOf = (source: CurrencyConfig): string => `${nameOf(source)} ${source.price ?? ""}`;
