import { numberOf, toFields, toList, toMoment, toPositive, toText } from "../answer.ts";
import { answerFault } from "../errors.ts";
import { type CoinSighting, isAlgorithm, isTag, type WantedCoin } from "./sighting.ts";

/**
 * What `wanted` pays by a minerstat `v2/coins` answer: coins per H/s and hour times dollars. Undefined when it is not
 * listed, or has no reward or price today, which minerstat writes as −1 or 0.
 */
export function parseMinerstat(body: unknown, wanted: WantedCoin): CoinSighting | undefined {
  const found = toList(body, "the answer")
    .map((entry, index) => toFields(entry, String(index)))
    .filter(({ coin, name, algorithm }) => {
      const named = isTag(coin, wanted.tag) || isTag(name, wanted.tag);
      return named && typeof algorithm === "string" && isAlgorithm(algorithm, wanted.algorithm);
    });
  const [entry] = found;
  if (entry === undefined) return undefined;
  const name = toText(entry.coin ?? entry.name, "coin");
  if (found.length > 1) throw answerFault(name, "listed twice");
  if (isNothing(entry.reward) || isNothing(entry.price)) return undefined;
  if (entry.reward_unit !== undefined && entry.reward_unit !== entry.coin)
    throw answerFault(`${name}.reward_unit`, "the reward is not in the coin that has the price");
  return {
    perTerahash: (toPositive(entry.reward, `${name}.reward`) / 3600) * 1e12 * toPositive(entry.price, `${name}.price`),
    currency: "USD",
    asOf: toMoment(entry.updated, `${name}.updated`),
  };
}

/** What minerstat writes where it knows nothing. */
const isNothing = (value: unknown): boolean => {
  const number = numberOf(value);
  return number === 0 || number === -1;
};
