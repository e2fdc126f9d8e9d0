import { join } from "node:path";
import type { RigConfig } from "../config/load.ts";
import type { Payout } from "../ledger/payouts.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { type Watts, watts } from "../units/energy.ts";
import type { UsdPerKwh } from "../units/money.ts";
import { seconds } from "../units/time.ts";
import { followAccount, type PoolCredit } from "./accounts/pool-accounts.ts";
import { openCoins } from "./coins.ts";
import { Currencies } from "./currencies.ts";
import { type PowerFacts, Tariff } from "./electricity/tariff.ts";
import type { Feed, FeedOptions } from "./fetch/feed.ts";
import { FileWatch } from "./fetch/file-watch.ts";
import type { CoinQuote } from "./file.ts";
import { parsePayouts } from "./payout-file.ts";
import type { Quote } from "./quote.ts";
import { RentalPrices, type RentalTerms } from "./rentals/rental-prices.ts";
import { type TokenPriceList, TokenPrices } from "./token-prices.ts";

const LOOK_EVERY = seconds(5);

/** Every price the rig reckons with, as it stands at the moment of asking. */
export interface Market {
  /** Of a coin that a flight sheet mines; its own getters follow the sources. */
  coin(sheet: { readonly coin: string }): CoinQuote | undefined;
  /** What is booked for a kilowatt-hour now. */
  bookedPower(): UsdPerKwh;
  /** What the grid's kilowatt-hour costs now, by whom and until when; undefined in a hole. */
  grid(): Quote<UsdPerKwh> | undefined;
  /** What one of the rig's `gpus` GPUs has to reckon with for power. */
  power(gpus: number): PowerFacts;
  /** What customers pay, where a source says so. */
  tokens(): TokenPriceList | undefined;
  /** What listing a GPU of this name would bring. */
  rental(name: string): RentalTerms | undefined;
  /** Follows every source until `signal` fires. */
  run(rig: MarketUse, signal: AbortSignal): Promise<void>;
}

interface MarketUse {
  /** What the rig draws at the wall. */
  readonly load: () => Watts | undefined;
  /** Told whenever the operator's list of payouts was written. */
  readonly onPayouts: (payouts: readonly Payout[]) => void;
  /** Told of what a pool's account credited, an hour or more at a time. */
  readonly onCredit: (credit: PoolCredit) => void;
}

interface MarketParts {
  readonly config: RigConfig;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The prices beside the coin's, as the agent last left them. */
export type StillMarket = Pick<Market, "power" | "grid" | "bookedPower" | "tokens" | "rental">;

/** Reads what is at hand of these prices, calendars, files and answers kept, asks nobody and writes nothing. */
export function openStillMarket(parts: MarketParts): StillMarket {
  const options = { ...optionsOf(parts), isReadOnly: true } as const;
  const currencies = new Currencies(parts.config.market.currencies, options, () => {});
  const { prices, feeds } = openPrices(parts.config, currencies, options);
  for (const feed of [...currencies.feeds, ...feeds]) feed.peek();
  return prices();
}

/** Opens what rig.yaml names under `market` and `electricity`; throws `MarketError` where the market file is bad. */
export function openMarket(parts: MarketParts): Market {
  const { config, clock } = parts;
  const options = optionsOf(parts);
  const retries: (() => void)[] = [];
  const currencies = new Currencies(config.market.currencies, options, () => {
    for (const retry of retries) retry();
  });
  const coins = openCoins(config, currencies, options);
  retries.push(coins.retry);
  const { prices, tariff, feeds: others } = openPrices(config, currencies, options);
  const feeds = [...currencies.feeds, ...coins.feeds, ...others];
  let drawn: Watts | undefined;
  return {
    coin: (sheet) => coins.quotes.get(sheet.coin),
    ...prices(() => drawn),
    run: async ({ load, onPayouts, onCredit }, signal) => {
      const watch = async () => {
        while (!signal.aborted) {
          const power = load();
          drawn = power === undefined ? undefined : watts(power);
          if (drawn !== undefined) tariff.observe(drawn, clock.now());
          await clock.wait(LOOK_EVERY, signal);
        }
      };
      const paidOut = openPayouts(config.market.payouts, onPayouts, options);
      const accounts = openAccounts(config, currencies, onCredit, options);
      await Promise.all([watch(), ...[...feeds, ...paidOut, ...accounts].map((feed) => feed.run(signal))]);
    },
  };
}

const optionsOf = ({ config, dataDir, clock, logger }: MarketParts): FeedOptions => ({
  clock,
  logger,
  privateHosts: config.market.privateHosts,
  cacheDir: join(dataDir, "market"),
});

function openPrices({ electricity, market }: RigConfig, currencies: Currencies, options: FeedOptions) {
  const { clock } = options;
  const tariff = new Tariff({ config: electricity, currencies, options });
  const paid = market.tokens && new TokenPrices(market.tokens, options);
  const rented = new RentalPrices(market.rentals, options);
  const prices = (drawn: () => Watts | undefined = () => undefined): StillMarket => ({
    bookedPower: () => tariff.booked(clock.now()),
    grid: () => tariff.quote(clock.now()),
    power: (gpus) => tariff.facts(clock.now(), drawn(), gpus),
    tokens: () => paid?.list(),
    rental: (name) => rented.terms(name, clock.now()),
  });
  return { prices, tariff, feeds: [...tariff.feeds, ...rented.feeds, ...(paid === undefined ? [] : [paid.feed])] };
}

function openPayouts(
  file: string | undefined,
  onPayouts: MarketUse["onPayouts"],
  options: FeedOptions,
): readonly Feed[] {
  if (file === undefined) return [];
  const onText = (text: string) => onPayouts(parsePayouts(text));
  return [new FileWatch(file, { ...options, name: file, every: LOOK_EVERY, onText })];
}

function openAccounts(
  { mining, market }: RigConfig,
  currencies: Currencies,
  onCredit: MarketUse["onCredit"],
  options: FeedOptions,
): readonly Feed[] {
  return market.accounts.flatMap((account) => {
    const coin = account.coin ?? mining?.sheets[0]?.coin;
    return coin === undefined ? [] : [followAccount({ ...account, coin }, currencies, onCredit, options)];
  });
}
