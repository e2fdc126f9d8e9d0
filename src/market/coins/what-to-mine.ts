import { type Fields, isFields, numberOf, toFields, toMoment, toPositive, toText } from "../answer.ts";
import { answerFault } from "../errors.ts";
import { type CoinSighting, isAlgorithm, isTag, type WantedCoin } from "./sighting.ts";

const MOST_COINS = 5000;

/**
 * What `wanted` pays by a WhatToMine answer, `coins.json` or the page of one coin: coins per block over the hashes that
 * the network spends on it. Undefined when it is not listed or lags behind.
 */
export function parseWhatToMine(body: unknown, wanted: WantedCoin): CoinSighting | undefined {
  const found = entriesOf(toFields(body, "the answer")).filter(({ name, entry }) => isWanted(name, entry, wanted));
  const [coin, second] = found;
  if (coin === undefined) return undefined;
  if (second !== undefined) throw answerFault(coin.name, `listed twice as ${wanted.tag}`);
  return coin.entry.lagging === true ? undefined : toSighting(coin.entry, coin.name);
}

function entriesOf(body: Fields): readonly { readonly name: string; readonly entry: Fields }[] {
  if (!isFields(body.coins)) return [{ name: "the coin", entry: body }];
  const entries = Object.entries(body.coins);
  if (entries.length > MOST_COINS) throw answerFault("coins", `${entries.length} are more than there are`);
  return entries.map(([name, entry]) => ({
    name: `coins.${name.slice(0, 40)}`,
    entry: toFields(entry, `coins.${name}`),
  }));
}

const isWanted = (name: string, { tag, name: title, algorithm }: Fields, wanted: WantedCoin): boolean =>
  (isTag(tag, wanted.tag) || isTag(title, wanted.tag) || isTag(name.slice("coins.".length), wanted.tag)) &&
  typeof algorithm === "string" &&
  isAlgorithm(algorithm, wanted.algorithm);

function toSighting(entry: Fields, name: string): CoinSighting {
  const read = (key: string): number => toPositive(entry[key], `${name}.${key}`);
  const perHash = read("block_reward") / (read("nethash") * read("block_time"));
  const usdPerUnit = rateOf(entry);
  return {
    perTerahash: perHash * 1e12 * read("exchange_rate"),
    currency: toText(entry.exchange_rate_curr, `${name}.exchange_rate_curr`).toUpperCase(),
    asOf: toMoment(entry.timestamp, `${name}.timestamp`),
    ...(usdPerUnit === undefined ? {} : { usdPerUnit }),
  };
}

/** The page of one coin shows the day's revenue in bitcoin and in dollars, to the cent. */
function rateOf({ revenue, btc_revenue, exchange_rate_curr }: Fields): number | undefined {
  const usd =
    typeof revenue === "string" && revenue.startsWith("$") ? numberOf(revenue.slice(1).replaceAll(",", "")) : undefined;
  const btc = numberOf(btc_revenue);
  if (exchange_rate_curr !== "BTC" || usd === undefined || btc === undefined || !(usd >= 1) || !(btc > 0))
    return undefined;
  return usd / btc;
}
