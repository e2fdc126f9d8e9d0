import type { RequestTrace } from "../../src/policy/replay/requests.ts";
import type { PriceTrace } from "../../src/policy/replay/trace.ts";
import type { Law } from "./policy-bound.ts";
import {
  type DailyCoin,
  type GpuRate,
  type HourlyPower,
  modelOf,
  type Requests,
  readCoins,
  readGpus,
  readPower,
  readQuoteNoise,
  readRentals,
  readRequestTraces,
  readTokenPrice,
} from "./policy-data.ts";

export type Kind = "hourly" | "held by minute" | "noisy by minute" | "demand by minute";

export interface Named {
  readonly name: string;
  readonly kind: Kind;
  /** Only what was recorded, with no noise laid over it. */
  readonly recorded: boolean;
  readonly trace: PriceTrace;
  /** Absent where the rows were recorded and not drawn. */
  readonly law?: Law;
}

export const CLOCKS = `The series are of different years and were laid over each other: the last two years of each coin
begin on the first hour of each electricity year; the recorded days of rental prices repeat; requests of an hour repeat,
thinned anew; pools' quote noise is drawn from their recorded estimates. EUR at 1.10, CAD at 0.75 USD throughout.`;

const ALGORITHM: Readonly<Record<string, string>> = {
  eth: "Ethash",
  etc: "Etchash",
  btg: "Zhash",
  xmr: "CryptoNightR",
};
const COIN_DAYS = 730;
const HOST_SHARE = 0.75;
const MINUTE_DAYS = 10;
/** The part of a recorded service's requests that one rig gets. */
const THINNED = 0.01;
const YEAR_HOURS = 8760;

/** Draws in [0, 1), the same in every run (Park and Miller). */
export function draws(seed: number): () => number {
  let state = 1 + ((seed * 7919) % 2_147_483_646);
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

interface Column {
  readonly name: string;
  readonly net: readonly number[];
  /** What the net holds before electricity, which is where a quote's noise sits. */
  readonly gross: readonly number[];
}

/** Every price trace that a folder of recordings gives, of one GPU per electricity year. */
export function buildPriceTraces(folder: string): readonly Named[] {
  const coins = readCoins(folder).filter(({ coin }) => ALGORITHM[coin] !== undefined);
  const gpus = readGpus(folder);
  const noise = readQuoteNoise(folder);
  const rentals = readRentals(folder);
  const [requests] = readRequestTraces(folder);
  const price = readTokenPrice(folder);
  const cards = cardsOf(gpus, coins);
  return readPower(folder).flatMap((power, index) => {
    const card = cards[(index * 5) % Math.max(1, cards.length)];
    if (card === undefined) return [];
    const name = `${power.region} ${power.year} ${modelOf(card)}`;
    const columns = coins.flatMap((coin) => hashing(coin, gpus, card, power));
    const [first, second] = columns;
    if (first === undefined || second === undefined) return [];
    const rest: Column = { name: "none", net: power.prices.map(() => 0), gross: power.prices.map(() => 0) };
    const week = rentals.find(({ gpu }) => modelOf(gpu) === modelOf(card));
    const lease = week === undefined ? [] : [leasing(week.usdPerHour, wattsOf(gpus, card), power)];
    const sets = [
      [first, rest],
      [first, second],
      [...columns, ...lease, rest],
    ];
    const hourly = sets.map((set) => named(name, "hourly", set));
    const days = { ...power, prices: power.prices.slice(0, MINUTE_DAYS * 24) };
    const short = [first, rest].map((column) => cut(column, days.prices.length));
    const pair = [first, second].map((column) => cut(column, days.prices.length));
    const demand = requests && { requests, price, power: days, watts: wattsOf(gpus, card), seed: index };
    return [
      ...hourly,
      minutely(name, "held by minute", short.map(held)),
      ...[short, pair].map((columns, nth) => ({
        ...minutely(
          name,
          "noisy by minute",
          columns.map((column, at) => noisy(column, noise, index * 10 + at + nth * 5)),
        ),
        law: noiseLaw(columns, noise),
      })),
      ...(demand === undefined || short[0] === undefined
        ? []
        : [
            {
              ...minutely(name, "demand by minute", [held(short[0]), serving(demand)]),
              law: demandLaw(short[0], demand),
            },
          ]),
    ];
  });
}

/** Cards that a rate is known of for most of the coins. */
function cardsOf(gpus: readonly GpuRate[], coins: readonly DailyCoin[]): readonly string[] {
  const wanted = coins.map(({ coin }) => ALGORITHM[coin]);
  const counts = Map.groupBy(
    gpus.filter(({ algorithm, gpu }) => wanted.includes(algorithm) && /RTX|GTX/.test(gpu)),
    ({ gpu }) => gpu,
  );
  return [...counts].filter(([, own]) => own.length >= 2).map(([gpu]) => gpu);
}

const wattsOf = (gpus: readonly GpuRate[], card: string): number =>
  gpus.find(({ gpu, algorithm }) => gpu === card && algorithm === "Ethash")?.watts ?? 200;

function hashing(coin: DailyCoin, gpus: readonly GpuRate[], card: string, power: HourlyPower): readonly Column[] {
  const own = gpus.find(({ gpu, algorithm }) => gpu === card && algorithm === ALGORITHM[coin.coin]);
  if (own === undefined) return [];
  const days = coin.usdPerDay.slice(-COIN_DAYS);
  const gross = power.prices.map((_, hour) => ((days[Math.floor(hour / 24)] ?? days.at(-1) ?? 0) * own.rate) / 24);
  return [{ name: coin.coin, gross, net: minusPower(gross, own.watts, power) }];
}

function leasing(week: readonly number[], watts: number, power: HourlyPower): Column {
  const gross = power.prices.map((_, hour) => (week[Math.floor(hour / 24) % week.length] ?? 0) * HOST_SHARE);
  return { name: "lease", gross, net: minusPower(gross, watts, power) };
}

const minusPower = (gross: readonly number[], watts: number, { prices }: HourlyPower): readonly number[] =>
  gross.map((usd, hour) => usd - (watts / 1000) * (prices[hour] ?? 0));

const cut = ({ name, net, gross }: Column, hours: number): Column => ({
  name,
  net: net.slice(0, hours),
  gross: gross.slice(0, hours),
});

interface MinuteColumn {
  readonly name: string;
  readonly net: readonly number[];
}

const held = ({ name, net }: Column): MinuteColumn => ({ name, net: net.flatMap((rate) => Array(60).fill(rate)) });

/** The hour's revenue times a recorded pool's stray factor, drawn anew every minute. */
function noisy({ name, net, gross }: Column, noise: readonly number[], seed: number): MinuteColumn {
  const draw = draws(seed);
  const factor = (): number => Math.min(5, noise[Math.floor(draw() * noise.length)] ?? 1);
  return {
    name,
    net: net.flatMap((rate, hour) => Array.from({ length: 60 }, () => rate + (gross[hour] ?? 0) * (factor() - 1))),
  };
}

const NOISE_GROUPS = 50;

/** Every pairing of the columns' stray factors, which are taken in groups of equal size. */
function noiseLaw(columns: readonly Column[], noise: readonly number[]): Law {
  const factors = Array.from({ length: NOISE_GROUPS }, (_, group) => {
    const [from, to] = [group, group + 1].map((edge) => Math.floor((edge * noise.length) / NOISE_GROUPS));
    const own = noise.slice(from, to).map((factor) => Math.min(5, factor));
    return own.reduce((sum, factor) => sum + factor, 0) / own.length;
  });
  let [known, rows] = [-1, new Float64Array()];
  return (step) => {
    const hour = Math.floor(step / 60);
    if (hour === known) return rows;
    const rates = columns.map(({ net, gross }) => {
      const [own = 0, revenue = 0] = [net[hour], gross[hour]];
      return revenue === 0 ? [own] : factors.map((factor) => own + revenue * (factor - 1));
    });
    const pairings = rates.reduce<readonly (readonly number[])[]>(
      (all, column) => all.flatMap((row) => column.map((rate) => [...row, rate])),
      [[]],
    );
    [known, rows] = [hour, Float64Array.from(pairings.flat())];
    return rows;
  };
}

interface Serving {
  readonly requests: Requests;
  readonly price: { readonly input: number; readonly output: number };
  readonly power: HourlyPower;
  readonly watts: number;
  readonly seed: number;
}

/** USD an hour that the tokens of each minute's requests would pay, thinned anew. */
function revenueOfHour({ requests, price }: Serving, draw: () => number): readonly number[] {
  const minutes: number[] = Array(60).fill(0);
  for (const [at, tokensIn, tokensOut] of requests.rows) {
    if (draw() >= THINNED * 5) continue;
    const minute = Math.min(59, Math.floor(at / 60));
    minutes[minute] = (minutes[minute] ?? 0) + (60 * (tokensIn * price.input + tokensOut * price.output)) / 1e6;
  }
  return minutes;
}

/** What the tokens of each minute's requests would have paid per hour. */
function serving(demand: Serving): MinuteColumn {
  const { power, watts, seed } = demand;
  const draw = draws(seed + 1000);
  const net = power.prices.flatMap((usdPerKwh) =>
    revenueOfHour(demand, draw).map((usd) => (-watts / 1000) * usdPerKwh + usd),
  );
  return { name: "inference", net };
}

const DEMAND_DRAWS = 200;

/** The recorded hour thinned again and again: what each of its minutes may bring, beside what hashing brings. */
function demandLaw(hashing: Column, demand: Serving): Law {
  const { power, watts, seed } = demand;
  const draw = draws(seed + 5000);
  const hours = Array.from({ length: DEMAND_DRAWS }, () => revenueOfHour(demand, draw));
  return (step) => {
    const hour = Math.floor(step / 60);
    const [own = 0, usdPerKwh = 0] = [hashing.net[hour], power.prices[hour]];
    return Float64Array.from(hours.flatMap((minutes) => [own, (minutes[step % 60] ?? 0) - (watts / 1000) * usdPerKwh]));
  };
}

const named = (name: string, kind: Kind, columns: readonly MinuteColumn[]): Named => ({
  name: `${name} ${columns.map((column) => column.name).join("/")}`,
  kind,
  recorded: kind === "hourly" || kind === "held by minute",
  trace: toTrace(columns, 3600),
});

const minutely = (name: string, kind: Kind, columns: readonly MinuteColumn[]): Named => ({
  ...named(name, kind, columns),
  trace: toTrace(columns, 60),
});

export function toTrace(columns: readonly MinuteColumn[], step: number): PriceTrace {
  const rows = columns[0]?.net.length ?? 0;
  const times = Float64Array.from({ length: rows }, (_, row) => row * step);
  const rates = Float64Array.from({ length: rows * columns.length }, (_, cell) => {
    return columns[cell % columns.length]?.net[Math.floor(cell / columns.length)] ?? 0;
  });
  return { workloads: columns.map(({ name }) => name), times, rates, steps: rows - 1 };
}

/** A year of minutes of three workloads, for the speed alone. */
export function yearOfMinutes(): PriceTrace {
  const draw = draws(3);
  const column = (name: string, base: number): MinuteColumn => ({
    name,
    net: Array.from({ length: YEAR_HOURS * 60 + 1 }, (_, row) => base + 0.02 * Math.sin(row / 300) + 0.01 * draw()),
  });
  return toTrace([column("a", 0.05), column("b", 0.045), column("c", 0.04)], 60);
}

/** The requests of one rig: each recorded one is kept with the same small chance. */
export function thin({ rows }: Requests, seed: number, part = THINNED): RequestTrace {
  const draw = draws(seed);
  const kept = rows.filter(() => draw() < part);
  const column = (index: 0 | 1 | 2): Float64Array => Float64Array.from(kept, (row) => row[index]);
  return { arrivals: column(0), tokensIn: column(1), tokensOut: column(2) };
}
