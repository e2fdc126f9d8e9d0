import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { z } from "zod";
import { toValuationView } from "../api/gpu-view.ts";
import { toElectricityView } from "../api/rig-views.ts";
import { loadConfig, type RigConfig } from "../config/load.ts";
import type { BenchmarkRow } from "../ledger/benchmarks.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import { systemClock } from "../lib/clock.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { silentLogger } from "../lib/logger.ts";
import { objectionOf } from "../lib/wanted.ts";
import { type CoinQuote, type MarketFile, readMarketFile } from "../market/file.ts";
import { openStillMarket, type StillMarket } from "../market/market.ts";
import { labelsOf } from "../rig/rates.ts";
import { type ValuedSheet, valueAll } from "../rig/valuing.ts";
import { type Watts, watts } from "../units/energy.ts";
import { hashrate } from "../units/work.ts";
import { askFloor } from "../valuation/comparison.ts";
import { valueAtCapacity } from "../valuation/inference.ts";
import { marginalPrice } from "../valuation/marginal.ts";
import { valueRental } from "../valuation/rental.ts";
import type { PowerPrice, Valuation } from "../valuation/valuation.ts";
import { type CliContext, findDataDir, type LocationOptions } from "./context.ts";
import { UsageError } from "./errors.ts";
import { leftOutOf } from "./left-out.ts";
import type { ProfitGpu, ProfitView } from "./profit-table.ts";

interface WhatIfOptions extends LocationOptions {
  readonly market: string | undefined;
  readonly benchmarks: string | undefined;
}

const LARGEST_FILE = 1024 * 1024;

const benchmarkSchema = z.strictObject({
  gpu: z.string().min(1).max(80),
  name: z.string().min(1).max(80).exactOptional(),
  label: z.string().min(1).max(80),
  /** Of a coin; that of `mining.algorithm` when absent. */
  algorithm: z.string().min(1).max(64).exactOptional(),
  unit: z.enum(["H/s", "tok/s", "W"]),
  rate: z.number().nonnegative(),
  powerW: z.number().nonnegative().exactOptional(),
  /** Of a hashrate; the miner's claim when absent. */
  rateKind: z.enum(["effective", "reported"]).exactOptional(),
});

const fileSchema = z.strictObject({ version: z.literal(1), benchmarks: z.array(benchmarkSchema).min(1).max(1000) });

type Benchmark = z.infer<typeof benchmarkSchema>;

/** What each GPU would be worth with these prices or rates, by the configuration's tariff and terms; needs no agent. */
export function whatIf(options: WhatIfOptions, context: CliContext): ProfitView {
  const config = loadConfig(options.config);
  const file = options.market ?? config.market.file ?? "sample";
  const market =
    options.market === undefined
      ? readMarketFile(file, systemClock.now())
      : readMarketFile(resolve(context.cwd, file), systemClock.now(), "--market");
  const benchmarks =
    options.benchmarks === undefined
      ? readLedger(options, config, context)
      : readBenchmarks(resolve(context.cwd, options.benchmarks));
  const dataDir = findDataDir(options, context);
  const still = openStillMarket({ config, dataDir, clock: systemClock, logger: silentLogger });
  const gpus = Map.groupBy(benchmarks, ({ gpu }) => gpu);
  const quotes = coinsOf(benchmarks, market, config);
  const [quote] = quotes.values();
  return {
    nowMs: systemClock.now(),
    isTryOut: config.file === undefined,
    market: { source: market.source, asOfMs: quote?.asOf ?? 0, invented: quote?.invented ?? false },
    coinPrices: [],
    electricity: { electricityUsdPerKwh: still.bookedPower(), ...toElectricityView(still.grid()) },
    gpus: [...gpus].map(([gpu, ofGpu]) =>
      valueGpu(gpu, ofGpu, { quotes, market, config, still, gpus: gpus.size, options }),
    ),
    wouldHaveByDay: [],
  };
}

type Quotes = ReadonlyMap<Benchmark, ReturnType<MarketFile["coin"]>>;

/** A label is a flight sheet's name, else a coin's; that of a second coin belongs to its flight sheet. */
function coinsOf(benchmarks: readonly Benchmark[], market: MarketFile, { mining }: RigConfig): Quotes {
  const sheets = mining?.sheets ?? [];
  const seconds = new Set(sheets.flatMap((sheet) => labelsOf(sheet).slice(1)));
  const hashing = benchmarks.filter(({ unit, label }) => unit === "H/s" && !seconds.has(label));
  return new Map(
    hashing.map((one) => {
      const { label, algorithm } = one;
      const sheet = sheets.find(({ name }) => name === label);
      return [one, market.coin(sheet?.coin ?? label, algorithm ?? (sheet ?? sheets[0])?.algorithm ?? "sha256d")];
    }),
  );
}

function valueGpu(gpu: string, benchmarks: readonly Benchmark[], world: World): ProfitGpu {
  const rest = benchmarks.find(({ unit }) => unit === "W");
  const value = (one?: Benchmark) => valueOne(one, rest, { ...world, measured: benchmarks });
  const coins = benchmarks.filter((one) => world.quotes.has(one)).map((one) => value(one)[0]);
  const models = benchmarks.filter(({ unit }) => unit === "tok/s").map((one) => valueModel(one, world));
  const others = [...models, ...value(), ...valueListing(benchmarks, world)];
  const valuations: readonly Valuation[] = [...coins, ...others].filter((one) => one !== undefined);
  return {
    gpu,
    name: benchmarks.find(({ name }) => name !== undefined)?.name ?? gpu,
    workload: null,
    workName: null,
    why: null,
    askFloorUsdPerHour: askFloor(valuations) ?? null,
    roundTripCostUsd: null,
    leftOut: missingOf(gpu, benchmarks, world),
    valuations: valuations.map((valuation) => toValuationView({ info: { uuid: gpu }, valuations }, valuation)),
  };
}

/** Without a file of its own the configuration is the try-out's, which says nothing about figures of other GPUs. */
function missingOf(gpu: string, benchmarks: readonly Benchmark[], { config, options }: World): ProfitGpu["leftOut"] {
  const { benchmarks: file } = options;
  if (file !== undefined && options.config === undefined) return [];
  const hashing = new Set(benchmarks.flatMap(({ unit, label }) => (unit === "H/s" ? label : [])));
  return leftOutOf({ gpu, hashing, isServed: benchmarks.some(({ unit }) => unit === "tok/s"), file }, config);
}

interface World {
  readonly market: MarketFile;
  readonly quotes: Quotes;
  readonly config: RigConfig;
  readonly still: StillMarket;
  /** Each bears its part of what the rig draws beside its GPUs. */
  readonly gpus: number;
  readonly options: WhatIfOptions;
}

/** One coin, or rest where there is none. */
function valueOne(
  coin: Benchmark | undefined,
  rest: Benchmark | undefined,
  world: World & { readonly measured: readonly Benchmark[] },
) {
  const quote = coin && world.quotes.get(coin);
  const power = { hashing: coin?.powerW, serving: undefined, warm: undefined, resting: rest?.powerW ?? rest?.rate };
  const rates = {
    power: (activity: keyof typeof power) => {
      const drawn = power[activity];
      return drawn === undefined ? undefined : watts(drawn);
    },
    hashrate: (label: string) => {
      const one = label === coin?.label ? coin : world.measured.find((other) => other.label === label);
      return one && ({ rate: hashrate(one.rate), basis: "benchmark", kind: one.rateKind } as const);
    },
  };
  return valueAll(
    {
      rates,
      prices: pricesOf(world),
      sheets: quote === undefined ? [] : [sheetOf(coin?.label ?? quote.coin, quote, world)],
    },
    systemClock.now(),
  );
}

function sheetOf(name: string, coin: CoinQuote, { config, market }: World): ValuedSheet {
  const sheet = config.mining?.sheets.find((one) => one.name === name);
  const dual = sheet?.dual && { coin: market.coin(sheet.dual.coin, sheet.dual.algorithm), fees: sheet.dual.fees };
  return { name, coin, fees: sheet?.fees, ...(dual && { dual }) };
}

const NOT_AT_HAND = "electricity.usdPerKwh: nothing at hand tells the price of this hour";

const pricesOf = ({ config: { electricity, power, market }, still, gpus }: World) => ({
  electricity: electricity.price,
  powerFor: (load: Watts): PowerPrice =>
    marginalPrice(still.power(gpus), load) ?? { price: electricity.price, note: NOT_AT_HAND },
  terms: () => market.terms,
  atWall: (drawn: number) => watts(drawn / power.wall.efficiency + power.wall.base / gpus),
});

/** What renting the GPU out would bring, under the fullest load that was measured. */
function valueListing(benchmarks: readonly Benchmark[], world: World): readonly Valuation[] {
  const name = benchmarks.find((one) => one.name !== undefined)?.name;
  const terms = name === undefined ? undefined : world.still.rental(name);
  if (terms === undefined) return [];
  const { atWall, powerFor } = pricesOf(world);
  const drawn = Math.max(0, ...benchmarks.flatMap(({ powerW, unit }) => (unit === "W" ? [] : (powerW ?? []))));
  const power = drawn > 0 ? atWall(drawn) : undefined;
  return [valueRental({ ...terms, ...(power === undefined ? {} : { power, electricity: powerFor(power) }) })];
}

/** Without an agent nobody has seen demand, so only what full load would need is told. */
function valueModel({ label, rate, powerW }: Benchmark, world: World): Valuation {
  const { powerFor, atWall } = pricesOf(world);
  const power = powerW === undefined ? undefined : atWall(powerW);
  const { inference } = world.config;
  const tokens = world.still.tokens();
  const price = tokens?.output ?? inference?.priceOut;
  return valueAtCapacity({
    model: label,
    rate,
    electricity: powerFor(power ?? watts(0)),
    ...(power === undefined ? {} : { power }),
    ...(price === undefined ? {} : { price }),
    ...(tokens === undefined ? {} : { origin: tokens.origin }),
  });
}

/** What was measured here before, as far as it is of the coin or the model of the configuration. */
function readLedger(options: WhatIfOptions, config: RigConfig, context: CliContext): readonly Benchmark[] {
  const { mining, inference } = config;
  const model = inference && (inference.engine.name ?? basename(inference.engine.modelFile, ".gguf"));
  const wanted = new Set([...(mining?.sheets.flatMap(labelsOf) ?? []), model, "rest"]);
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const rows = fastest(ledger.benchmarks.list().filter(({ label }) => wanted.has(label)));
    if (rows.length === 0)
      throw new UsageError("nothing was ever measured here", {
        code: "ERR_USAGE",
        mend: "let the agent work for some minutes, or give --benchmarks FILE",
      });
    return rows.map(({ gpu, label, rate, unit, power, rateKind }) => {
      const known = { ...(power === undefined ? {} : { powerW: power }), ...(rateKind && { rateKind }) };
      return benchmarkSchema.parse({ gpu, label, rate, unit, ...known });
    });
  } finally {
    ledger.close();
  }
}

/** Of a model that was measured with several numbers of requests at once, what it writes most with: its full load. */
function fastest(rows: readonly BenchmarkRow[]): readonly BenchmarkRow[] {
  const groups = Map.groupBy(rows, ({ gpu, label, unit }) => [gpu, label, unit].join(" "));
  return [...groups.values()].flatMap((same) => same.toSorted((a, b) => b.rate - a.rate).slice(0, 1));
}

function readBenchmarks(file: string): readonly Benchmark[] {
  const read = (): unknown => {
    try {
      if (statSync(file).size > LARGEST_FILE) throw new RangeError("it is over 1 MiB");
      return JSON.parse(readFileSync(file, "utf8"));
    } catch (cause) {
      const isMissing = systemCodeOf(cause) === "ENOENT";
      const why = isMissing ? "there is no such file" : `it cannot be read: ${messageOf(cause)}`;
      throw refuse(`--benchmarks: ${file}: ${why}`, "name a readable JSON file", cause);
    }
  };
  const body = read();
  const parsed = fileSchema.safeParse(body);
  if (parsed.success) return parsed.data.benchmarks;
  const { path, message } = objectionOf(parsed.error, body);
  const field = path ?? "the file";
  throw refuse(`--benchmarks: ${file}: ${field}: ${message}`, `correct ${field}`, parsed.error);
}

const refuse = (what: string, mend: string, cause: unknown): UsageError =>
  new UsageError(what, { code: "ERR_USAGE", mend }, { cause });
