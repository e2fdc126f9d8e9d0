import type { RigConfig } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import { type UsdPerMillionTokens, usdPerMillionTokens } from "../units/money.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import { parseJson, pointedAt, toPositive } from "./answer.ts";
import { answerFault } from "./errors.ts";
import { type Feed, type FeedOptions, nameOf, openFeed } from "./fetch/feed.ts";
import { KeptPrice } from "./guard-memory.ts";

/** What customers pay. */
export interface TokenPriceList {
  readonly input: UsdPerMillionTokens;
  readonly output: UsdPerMillionTokens;
  readonly origin: { readonly source: string; readonly asOf: UnixMs };
}

const MOST_USD = 10_000;

/** What customers pay by a source outside; the operator's own list where it is not believed. */
export class TokenPrices {
  readonly #guards: { readonly in: KeptPrice; readonly out: KeptPrice };
  readonly #clock: Clock;
  readonly #name: string;
  readonly feed: Feed;

  constructor(source: NonNullable<RigConfig["market"]["tokens"]>, options: FeedOptions) {
    const { clock } = options;
    const name = nameOf(source);
    const guard = (of: string) => new KeptPrice(`tokens-${of}`, new Map([[name, source]]), options);
    this.#clock = clock;
    this.#name = name;
    this.#guards = { in: guard("in"), out: guard("out") };
    const onText = (text: string, at: UnixMs) => {
      const body = parseJson(text);
      const input = priceAt(body, source.in);
      const output = priceAt(body, source.out);
      const heard = { ...source, now: clock.now() };
      this.#guards.in.sight(name, { value: input, at }, heard);
      this.#guards.out.sight(name, { value: output, at }, heard);
    };
    const isAwaited = () => Object.values(this.#guards).some((one) => one.isAwaited(clock.now()));
    this.feed = openFeed(source, { onText, isAwaited }, options);
  }

  /** Undefined while either price is unknown. */
  list(): TokenPriceList | undefined {
    const now = this.#clock.now();
    const [input, output] = [this.#guards.in.believed(now), this.#guards.out.believed(now)];
    if (input === undefined || output === undefined) return undefined;
    return {
      input: usdPerMillionTokens(input.value),
      output: usdPerMillionTokens(output.value),
      origin: { source: this.#name, asOf: unixMs(Math.min(input.at, output.at)) },
    };
  }
}

function priceAt(body: unknown, pointer: string): number {
  const price = toPositive(pointedAt(body, pointer), pointer);
  if (price <= MOST_USD) return price;
  throw answerFault(pointer, `${price} USD per million tokens: is it a price per token?`);
}
