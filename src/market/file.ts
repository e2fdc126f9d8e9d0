import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { objectionOf } from "../lib/wanted.ts";
import { type UsdPerTerahash, usdPerTerahash } from "../units/money.ts";
import { millis, type UnixMs, unixMs } from "../units/time.ts";
import { MarketError } from "./errors.ts";
import { FileWatch } from "./fetch/file-watch.ts";
import type { FeedParts } from "./fetch/poll.ts";
import { isAhead, type Quote } from "./quote.ts";

const SAMPLE = fileURLToPath(new URL("./sample-market.json", import.meta.url));
const MAX_FILE_BYTES = 1 << 20;

const fileSchema = z.strictObject({
  version: z.literal(1),
  source: z.string().min(1).max(200),
  asOf: z.iso.datetime(),
  /** Absent: the prices do not age. */
  maxAgeS: z.number().positive().optional(),
  invented: z.boolean(),
  note: z.string().max(1000).optional(),
  coins: z
    .array(
      z.strictObject({
        coin: z.string().min(1).max(64),
        algorithm: z.string().min(1).max(64),
        usdPerTerahash: z.number().finite().positive(),
      }),
    )
    .max(1000)
    .superRefine((coins, context) => {
      const twice = coins.findIndex(({ coin }, index) => coins.findIndex((other) => other.coin === coin) < index);
      if (twice >= 0)
        context.addIssue({ code: "custom", path: [twice, "coin"], message: "a coin that is not listed above" });
    }),
});

/** What a pool pays for the work of one coin. */
export interface CoinQuote extends Omit<Quote<UsdPerTerahash>, "value"> {
  readonly coin: string;
  readonly algorithm: string;
  /** Undefined while no source is believed. */
  readonly value: UsdPerTerahash | undefined;
  /** Absent for a price that has one source only. */
  readonly sources?: { readonly believed: number; readonly asked: number };
}

export interface MarketFile {
  readonly source: string;
  /** The quote for `coin` as mined with `algorithm`; throws `ERR_MARKET_COIN` when the market does not list it. */
  coin(coin: string, algorithm: string): CoinQuote;
}

/**
 * Reads a market file; `sample` is the shipped one, whose prices are invented. Where `now` is told, a file from a time
 * still to come is refused. `named` is what named the file, for the mend.
 */
export function readMarketFile(path: "sample" | (string & {}), now?: UnixMs, named = "market.file"): MarketFile {
  const file = path === "sample" ? SAMPLE : path;
  const body = readJson(file, named);
  const parsed = fileSchema.safeParse(body);
  if (!parsed.success) throw invalid(file, parsed.error, body);
  const { source, asOf, maxAgeS, invented, coins } = parsed.data;
  if (now !== undefined && path !== "sample" && isAhead(unixMs(Date.parse(asOf)), now)) throw early(file, asOf, now);
  const facts = {
    unit: "USD/TH",
    currency: "USD",
    source,
    asOf: unixMs(Date.parse(asOf)),
    invented,
    ...(maxAgeS === undefined ? {} : { maxAge: millis(maxAgeS * 1000) }),
  } as const;
  const quotes = new Map(
    coins.map(({ coin, algorithm, usdPerTerahash: price }) => [
      coin,
      { coin, algorithm, value: usdPerTerahash(price), ...facts },
    ]),
  );
  return {
    source,
    coin: (coin, algorithm) => {
      const quote = quotes.get(coin) ?? unlisted(file, coin, [...quotes.keys()]);
      return quote.algorithm === algorithm ? quote : otherAlgorithm(file, quote, algorithm);
    },
  };
}

/**
 * The quote of `coin` in a market file, read again whenever the file was written; a file that was broken since is told
 * and what it said before stands. Throws as `readMarketFile` and `coin` do while the first one is bad.
 */
export function watchMarketFile(
  path: string,
  wanted: { readonly coin: string; readonly algorithm: string },
  parts: Omit<FeedParts, "onText" | "name">,
) {
  const read = () => readMarketFile(path, parts.clock.now()).coin(wanted.coin, wanted.algorithm);
  let latest = read();
  const watch = new FileWatch(path === "sample" ? SAMPLE : path, {
    ...parts,
    name: path,
    onText: () => (latest = read()),
  });
  const quote: CoinQuote = {
    ...wanted,
    unit: "USD/TH",
    currency: "USD",
    get value() {
      return latest.value;
    },
    get source() {
      return latest.source;
    },
    get asOf() {
      return latest.asOf;
    },
    get invented() {
      return latest.invented;
    },
    get maxAge() {
      return latest.maxAge;
    },
  };
  return { quote, feed: watch };
}

function readJson(file: string, named: string): unknown {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new RangeError("it is over 1 MiB");
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const why = systemCodeOf(cause) === "ENOENT" ? "there is no such file" : `it cannot be read: ${messageOf(cause)}`;
    const mend = cause instanceof SyntaxError ? `correct the JSON` : `name a readable JSON file with ${named}`;
    throw new MarketError(`market file ${file}: ${why}`, { code: "ERR_MARKET_FILE", file, mend }, { cause });
  }
}

const early = (file: string, asOf: string, now: UnixMs): MarketError =>
  new MarketError(`market file ${file}: asOf: ${asOf} is still to come: here it is ${new Date(now).toISOString()}`, {
    code: "ERR_MARKET_FILE",
    file,
    mend: "correct asOf, or this computer's clock",
  });

function invalid(file: string, error: z.ZodError, body: unknown): MarketError {
  const { path: field = "the file", message } = objectionOf(error, body);
  return new MarketError(
    `market file ${file}: ${field}: ${message}`,
    { code: "ERR_MARKET_FILE", file, mend: `correct ${field}` },
    { cause: error },
  );
}

function unlisted(file: string, coin: string, known: readonly string[]): never {
  throw new MarketError(`market file ${file} does not list the coin ${coin}`, {
    code: "ERR_MARKET_COIN",
    file,
    mend: `take as coin one of ${known.join(", ") || "the listed coins"}, or add it to the file`,
  });
}

/** A price per hash of one algorithm says nothing about the hashes of another. */
function otherAlgorithm(file: string, { coin, algorithm }: CoinQuote, wanted: string): never {
  throw new MarketError(`market file ${file} prices ${coin} for ${algorithm}, not for ${wanted}`, {
    code: "ERR_MARKET_COIN",
    file,
    mend: `take the algorithm ${algorithm}, or a coin of ${wanted}`,
  });
}
