import type { RigConfig } from "../config/load.ts";
import { type UsdPerHour, usdPerHour } from "../units/money.ts";
import { elapsed, hours, type Millis, type UnixMs } from "../units/time.ts";
import { toInstant, toPositive, toText } from "./answer.ts";
import { answerFault } from "./errors.ts";
import type { Feed, FeedOptions } from "./fetch/feed.ts";
import { FileWatch } from "./fetch/file-watch.ts";
import { medianOf } from "./guard.ts";

type RentalConfig = RigConfig["market"]["rentals"][number];

const HEADER = "collected_at,provider,gpu,usd_per_gpu_hour";
const MAX_AGE: Millis = hours(24 * 14);
const MOST_LINES = 100_000;

/** One price at one marketplace at one time. */
export interface RentalReference {
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
}

/** What GPUs are rented out for, by the operator's word or by a file of reference prices. */
export class RentalPrices {
  readonly #rentals: readonly RentalConfig[];
  readonly #references = new Map<string, readonly RentalReference[]>();
  readonly feeds: readonly Feed[];

  constructor(rentals: readonly RentalConfig[], { clock, logger }: FeedOptions) {
    this.#rentals = rentals;
    const files = new Set(rentals.flatMap(({ file }) => (file === undefined ? [] : [file])));
    this.feeds = [...files].map((file) => {
      const onText = (text: string) => this.#references.set(file, parseRentals(text));
      return new FileWatch(file, { name: file, every: hours(1), clock, logger, onText });
    });
  }

  /** For a GPU of this name; undefined where it is not listed or no price is fresh. */
  terms(name: string, now: UnixMs): RentalTerms | undefined {
    const rental = this.#rentals.find(({ gpu }) => name.toLowerCase().includes(gpu.toLowerCase()));
    if (rental === undefined) return undefined;
    const ask = rental.askUsdPerHour ?? this.#reference(rental, now);
    if (ask === undefined) return undefined;
    return { ask: usdPerHour(ask), occupancy: rental.occupancyPct / 100, platformCut: rental.platformCutPct / 100 };
  }

  /** The median of what was asked for it in the last two weeks. */
  #reference({ gpu, file = "" }: RentalConfig, now: UnixMs): number | undefined {
    const fresh = (this.#references.get(file) ?? []).filter(
      (one) => one.gpu.toLowerCase().includes(gpu.toLowerCase()) && isFresh(one.at, now),
    );
    return medianOf(fresh.map(({ usdPerHour: price }) => price));
  }
}

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
