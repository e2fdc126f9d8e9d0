import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A file of the recordings, unpacked; undefined where the folder does not have it. */
export function readData(folder: string, ...path: readonly string[]): string | undefined {
  const file = join(folder, ...path);
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

export function listData(folder: string, ...path: readonly string[]): readonly string[] {
  const place = join(folder, ...path);
  return existsSync(place) && statSync(place).isDirectory() ? readdirSync(place).toSorted() : [];
}

/** Rows of a CSV by column name; quoted cells may hold commas. */
export function readRows(text: string): readonly Readonly<Record<string, string>>[] {
  const [head = "", ...lines] = text.trim().split(/\r?\n/);
  const names = toCells(head);
  return lines.map((line) => {
    const cells = toCells(line);
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ""]));
  });
}

const toCells = (line: string): readonly string[] =>
  [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

/** USD per unit of the recordings' currencies, fixed: only the shape of the series matters here. */
const USD_PER: Readonly<Record<string, number>> = { USD: 1, EUR: 1.1, CAD: 0.75 };

export interface HourlyPower {
  readonly region: string;
  readonly year: string;
  /** USD/kWh by the hour, gaps left out. */
  readonly prices: readonly number[];
}

export function readPower(folder: string): readonly HourlyPower[] {
  return listData(folder, "05-electricity", "price-hourly").flatMap((file) => {
    const [, region = "", year = ""] = /^(.+)_(\d{4})\.csv\.gz$/.exec(file) ?? [];
    const rows = readRows(readData(folder, "05-electricity", "price-hourly", file) ?? "");
    const [column = ""] = Object.keys(rows[0] ?? {}).filter((name) => name.startsWith("Price"));
    const [, currency = "USD"] = /\((\w+)\//.exec(column) ?? [];
    const prices = rows.map((row) => (Number(row[column]) * (USD_PER[currency] ?? 1)) / 1000);
    return region === "" ? [] : [{ region, year, prices: prices.filter(Number.isFinite) }];
  });
}

export interface DailyCoin {
  readonly coin: string;
  /** USD that one hash (or solution) per second earns in a day, from the first day on that can be known. */
  readonly usdPerDay: readonly number[];
  readonly firstDay: string;
}

/** Hashes per second in the unit that a coin's `HashRate` is given in. */
const HASHRATE_UNIT: Readonly<Record<string, number>> = { eth: 1e12, etc: 1e12, xmr: 1, zec: 1e9, btg: 1e9 };

export function readCoins(folder: string): readonly DailyCoin[] {
  return listData(folder, "02-coin-economics", "coinmetrics-daily").flatMap((file) => {
    const [, coin = ""] = /^([a-z]+)_.*\.csv\.gz$/.exec(file) ?? [];
    const unit = HASHRATE_UNIT[coin];
    if (unit === undefined) return [];
    const days = readRows(readData(folder, "02-coin-economics", "coinmetrics-daily", file) ?? "").map((row) => ({
      day: row.time ?? "",
      usd: Number(row.IssTotUSD) / (Number(row.HashRate) * unit),
    }));
    const known = days.filter(({ usd }) => Number.isFinite(usd) && usd > 0);
    return [{ coin, usdPerDay: known.map(({ usd }) => usd), firstDay: known[0]?.day ?? "" }];
  });
}

export interface GpuRate {
  readonly gpu: string;
  readonly algorithm: string;
  /** Hashes or solutions per second. */
  readonly rate: number;
  readonly watts: number;
}

const RATE_UNIT: Readonly<Record<string, number>> = { h: 1, Kh: 1e3, Mh: 1e6, Gh: 1e9 };

export function readGpus(folder: string): readonly GpuRate[] {
  const text = readData(folder, "03-gpu-hashrate-power", "profit-mine", "hashrate_power_by_gpu_algo.csv");
  return readRows(text ?? "").flatMap((row) => {
    const rate = Number(row.hashrate) * (RATE_UNIT[row.hashrate_unit ?? ""] ?? Number.NaN);
    const watts = Number(row.power_w);
    return rate > 0 && watts > 0 ? [{ gpu: row.gpu ?? "", algorithm: row.algorithm ?? "", rate, watts }] : [];
  });
}

export interface RentalWeek {
  readonly gpu: string;
  /** USD per GPU-hour of the cheapest offer, by day of record. */
  readonly usdPerHour: readonly number[];
}

export function readRentals(folder: string): readonly RentalWeek[] {
  const rows = listData(folder, "04-ai-demand-price", "gpu-rental")
    .filter((file) => file.endsWith(".csv"))
    .flatMap((file) => readRows(readData(folder, "04-ai-demand-price", "gpu-rental", file) ?? ""));
  const byGpu = Map.groupBy(
    rows.filter(({ provider }) => provider === "vastai"),
    ({ gpu = "" }) => gpu,
  );
  return [...byGpu].map(([gpu, own]) => ({ gpu, usdPerHour: own.map((row) => Number(row.usd_per_gpu_hour)) }));
}

/** The model in a card's name, such as `RTX 3080 Ti`. */
export const modelOf = (gpu: string): string => /(?:GTX|RTX) \d{4}(?: Ti| SUPER)?/i.exec(gpu)?.[0].toUpperCase() ?? gpu;

/** How far pools' momentary estimates stray from their own day's, as factors in rising order. */
export function readQuoteNoise(folder: string): readonly number[] {
  const text = readData(folder, "02-coin-economics", "pool-status", "pool_status_snapshots.jsonl.gz") ?? "";
  const factors = text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => Object.values(toStatus(line)))
    .filter(({ workers }) => Number(workers) > 10)
    .map(({ estimate_current, estimate_last24h }) => Number(estimate_current) / Number(estimate_last24h))
    .filter((factor) => factor > 0.05 && factor < 20)
    .toSorted((a, b) => a - b);
  const middle = factors[Math.floor(factors.length / 2)] ?? 1;
  return factors.map((factor) => factor / middle);
}

type Status = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const toStatus = (line: string): Status => (JSON.parse(line) as { readonly status: Status }).status;

export interface Requests {
  readonly name: string;
  /** Seconds from the first, tokens in, tokens out. */
  readonly rows: readonly (readonly [number, number, number])[];
}

/** Recorded requests of whole services; one rig gets a small part of them. */
export function readRequestTraces(folder: string): readonly Requests[] {
  const traces = listData(folder, "04-ai-demand-price").flatMap((place) =>
    listData(folder, "04-ai-demand-price", place)
      .filter((file) => /^AzureLLM.*\.csv|_trace\.jsonl/.test(file))
      .map((file) => {
        const text = readData(folder, "04-ai-demand-price", place, file) ?? "";
        return { name: file.replace(/\..*$/, ""), rows: file.includes(".csv") ? fromAzure(text) : fromMooncake(text) };
      }),
  );
  return traces.filter(({ rows }) => rows.length > 100);
}

function fromAzure(text: string): Requests["rows"] {
  const rows = readRows(text).map((row) => ({
    at: Date.parse(`${(row.TIMESTAMP ?? "").slice(0, 23).replace(" ", "T")}Z`) / 1000,
    tokens: [Number(row.ContextTokens), Number(row.GeneratedTokens)] as const,
  }));
  const start = rows[0]?.at ?? 0;
  return rows.map(({ at, tokens }) => [at - start, ...tokens] as const);
}

const LONGEST_PROMPT = 8192;

function fromMooncake(text: string): Requests["rows"] {
  const rows = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, number>>);
  return rows.map((row) => {
    const tokensIn = Math.min(LONGEST_PROMPT, Number(row.input_length));
    return [Number(row.timestamp) / 1000, tokensIn, Number(row.output_length)] as const;
  });
}

/** The cheapest listed price of a million prompt and answer tokens, which a rig's small model competes with. */
export function readTokenPrice(folder: string): { readonly input: number; readonly output: number } {
  const prices = listData(folder, "04-ai-demand-price", "llm-token-prices")
    .filter((file) => file.endsWith(".json"))
    .flatMap((file) => {
      const text = readData(folder, "04-ai-demand-price", "llm-token-prices", file) ?? "{}";
      const { models = [] } = JSON.parse(text) as { models?: readonly { price_history?: readonly PriceRow[] }[] };
      return models.flatMap(({ price_history = [] }) => price_history);
    })
    .filter(({ input, output }) => input > 0 && output > 0);
  const fallback = { input: 0.1, output: 0.4 };
  return prices.reduce((least, row) => (row.output < least.output ? row : least), prices[0] ?? fallback);
}

interface PriceRow {
  readonly input: number;
  readonly output: number;
}
