import { type Fields, isFields, numberOf, pointedAt, toFields, toList, toPositive } from "../answer.ts";
import { answerFault } from "../errors.ts";
import { medianOf } from "../guard.ts";
import { isModel } from "./gpu-model.ts";

/** What a marketplace shows for one GPU model. */
export interface RentalSighting {
  readonly usdPerHour: number;
  /** 0 to 1; absent where the answer does not show what is rented. */
  readonly occupancy?: number;
}

const MOST_OFFERS = 10_000;
/** Fewer asks are some hosts' wishes. */
const FEWEST = 3;
/** Fewer hosts say nothing about how much is rented. */
const FEWEST_FOR_OCCUPANCY = 10;
const MOST_USD = 1000;

/**
 * The median ask per GPU of the verified hosts that offer `model`, by a search answer of Vast.ai; throws where fewer than
 * three do. Bids for what may be interrupted are no asks.
 */
export function parseVastOffers(body: unknown, model: string): RentalSighting {
  const offers = toList(isFields(body) ? body.offers : body, "offers");
  if (offers.length > MOST_OFFERS) throw answerFault("offers", `more than ${MOST_OFFERS}`);
  const comparable = offers
    .map((offer, index) => toFields(offer, `offers.${index}`))
    .filter((offer) => isComparable(offer, model));
  const asks = comparable.filter(({ rented }) => rented !== true).flatMap(askOf);
  const median = medianOf(asks);
  if (median === undefined || asks.length < FEWEST)
    throw answerFault("offers", `${asks.length} of ${model} by verified hosts, wanted at least ${FEWEST}`);
  return { usdPerHour: median, ...occupancyOf(comparable) };
}

const isComparable = ({ gpu_name, verified, verification, is_bid }: Fields, model: string): boolean =>
  typeof gpu_name === "string" &&
  isModel(gpu_name, model) &&
  (verified === true || verification === "verified") &&
  is_bid !== true;

/** A machine is let as a whole: its price is shared by its GPUs. */
function askOf({ dph_total, num_gpus = 1 }: Fields): readonly number[] {
  const [price, gpus] = [numberOf(dph_total), numberOf(num_gpus)];
  if (price === undefined || gpus === undefined || !(gpus >= 1)) return [];
  const perGpu = price / gpus;
  return perGpu > 0 && perGpu <= MOST_USD ? [perGpu] : [];
}

/** Known only where the search was not for what is free. */
function occupancyOf(offers: readonly Fields[]): Pick<RentalSighting, "occupancy"> {
  const told = offers.filter(({ rented }) => typeof rented === "boolean");
  const taken = told.filter(({ rented }) => rented === true).length;
  return taken === 0 || told.length < FEWEST_FOR_OCCUPANCY ? {} : { occupancy: taken / told.length };
}

/** What stands at two places of any JSON: USD per GPU and hour, and the part of GPUs that is rented, 0 to 1. */
export function parseRentalPlaces(body: unknown, price: string, occupancy: string | undefined): RentalSighting {
  const usdPerHour = toPositive(pointedAt(body, price), price);
  if (usdPerHour > MOST_USD) throw answerFault(price, `${usdPerHour} USD per GPU-hour: is it a price per month?`);
  if (occupancy === undefined) return { usdPerHour };
  const part = numberOf(pointedAt(body, occupancy));
  if (part === undefined || !(part >= 0 && part <= 1)) throw answerFault(occupancy, "wanted a part from 0 to 1");
  return { usdPerHour, occupancy: part };
}
