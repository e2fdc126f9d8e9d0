import { createHash } from "node:crypto";
import type { RigConfig } from "../../config/load.ts";
import type { Clock } from "../../lib/clock.ts";
import { type UsdPerHour, usdPerHour } from "../../units/money.ts";
import { elapsed, hours, type Millis, type UnixMs } from "../../units/time.ts";
import { parseJson, toInstant, toPositive, toText } from "../answer.ts";
import { answerFault } from "../errors.ts";
import { type Feed, type FeedOptions, nameOf, openFeed } from "../fetch/feed.ts";
import { medianOf } from "../guard.ts";
import { KeptPrice } from "../guard-memory.ts";
import { isModel } from "./gpu-model.ts";
import { parseRentalPlaces, parseVastOffers, type RentalSighting } from "./offers.ts";

type RentalConfig = RigConfig["market"]["rentals"][number];

const HEADER = "collected_at,provider,gpu,usd_per_gpu_hour";
const MAX_AGE: Millis = hours(24 * 14);
const MOST_LINES = 100_000;

/** One price at one marketplace at one time. */
interface RentalReference {
  readonly at: UnixMs;
  readonly gpu: string;
  readonly usdPerHour: number;
}

/** What listing one GPU would bring. */
export interface RentalTerms {
  readonly ask: UsdPerHour;
  /** 0 to 1. */
  readonly occupancy: number;
  /** 0 to 1. */
  readonly platformCut: number;
  /** Where the ask comes from; absent for the operator's own word. */
  readonly origin?: { readonly source: string; readonly asOf: UnixMs };
}

interface Ask {
  readonly value: number;
  readonly at: UnixMs;
}

/** What GPUs are rented out for, by the operator's word or by what marketplaces show. */
export class RentalPrices {
  readonly #rentals: readonly OpenRental[];
  readonly feeds: readonly Feed[];

  constructor(rentals: readonly RentalConfig[], options: FeedOptions) {
    this.#rentals = rentals.map((rental) => openRental(rental, options));
    this.feeds = this.#rentals.flatMap(({ feed }) => feed ?? []);
  }

  /** For a GPU of this name; undefined where it is not listed or no price is fresh. */
  terms(name: string, now: UnixMs): RentalTerms | undefined {
    const found = this.#rentals.find(({ rental }) => isModel(name, rental.gpu));
    if (found === undefined) return undefined;
    const { rental, ask, occupancy } = found;
    const facts = {
      // What hosts really rent out at the least: the operator's hope does not count beyond it.
      occupancy: Math.min(rental.occupancyPct / 100, occupancy() ?? 1),
      platformCut: rental.platformCutPct / 100,
    };
    if (rental.askUsdPerHour !== undefined) return { ask: usdPerHour(rental.askUsdPerHour), ...facts };
    const seen = ask(now);
    if (seen === undefined) return undefined;
    return { ask: usdPerHour(seen.value), ...facts, origin: { source: nameOf(rental), asOf: seen.at } };
  }
}

interface OpenRental {
  readonly rental: RentalConfig;
  readonly feed?: Feed;
  readonly ask: (now: UnixMs) => Ask | undefined;
  readonly occupancy: () => number | undefined;
}

function openRental(rental: RentalConfig, options: FeedOptions): OpenRental {
  if (rental.askUsdPerHour !== undefined) return { rental, ask: () => undefined, occupancy: () => undefined };
  return rental.shape === "csv" ? openReferences(rental, options) : openMarketplace(rental, options);
}

/** The median of what was asked for it in the last two weeks. */
function openReferences(rental: RentalConfig, options: FeedOptions): OpenRental {
  let references: readonly RentalReference[] = [];
  const onText = (text: string) => {
    references = parseRentals(text).filter(({ gpu }) => isModel(gpu, rental.gpu));
  };
  const ask = (now: UnixMs): Ask | undefined => {
    const fresh = references.filter(({ at }) => isFresh(at, now));
    const value = medianOf(fresh.map(({ usdPerHour: price }) => price));
    return value === undefined ? undefined : { value, at: Math.max(...fresh.map(({ at }) => at)) as UnixMs };
  };
  return { rental, feed: openFeed(rental, { onText }, options), ask, occupancy: () => undefined };
}

/** What a marketplace shows now, guarded like every other price. */
function openMarketplace(rental: RentalConfig, options: FeedOptions): OpenRental {
  const { clock }: { readonly clock: Clock } = options;
  const name = nameOf(rental);
  const key = createHash("sha256").update(JSON.stringify([rental.gpu, rental.url ?? rental.file, rental.price]));
  const guard = new KeptPrice(`rental-${key.digest("hex").slice(0, 32)}`, new Map([[name, rental]]), options);
  let latest: (RentalSighting & { readonly at: UnixMs }) | undefined;
  const onText = (text: string, at: UnixMs) => {
    latest = { ...parseSighting(parseJson(text), rental), at };
    guard.sight(name, { value: latest.usdPerHour, at }, { ...rental, now: clock.now() });
  };
  const occupancy = () =>
    latest !== undefined && elapsed(latest.at, clock.now()) <= rental.maxAge ? latest.occupancy : undefined;
  const isAwaited = () => guard.isAwaited(clock.now());
  return {
    rental,
    feed: openFeed(rental, { onText, isAwaited }, options),
    ask: (now) => guard.believed(now),
    occupancy,
  };
}

const parseSighting = (body: unknown, { shape, gpu, price = "", occupancy }: RentalConfig): RentalSighting =>
  shape === "vast" ? parseVastOffers(body, gpu) : parseRentalPlaces(body, price, occupancy);

const isFresh = (at: UnixMs, now: UnixMs): boolean => {
  const age = elapsed(at, now);
  return age <= MAX_AGE && age >= -hours(1);
};

/** Reads `collected_at,provider,gpu,usd_per_gpu_hour` with its header; throws naming the line. */
function parseRentals(text: string): readonly RentalReference[] {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line !== "");
  if (header !== HEADER) throw answerFault("line 1", `wanted ${HEADER}`);
  if (lines.length > MOST_LINES) throw answerFault("the file", `more than ${MOST_LINES} lines`);
  return lines.map((line, index) => {
    const where = `line ${index + 2}`;
    const cells = line.split(",");
    if (cells.length !== 4) throw answerFault(where, `wanted 4 cells, got ${cells.length}`);
    const [at, , gpu, price] = cells;
    return { at: toInstant(at, where), gpu: toText(gpu, where), usdPerHour: toPositive(price, where) };
  });
}
