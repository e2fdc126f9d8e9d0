import type {
  CoinPriceView,
  DualPriceView,
  GpuView,
  MarketView,
  RigView,
  ValuationView,
  WorkloadName,
  WouldHaveDayView,
} from "../api/shapes.ts";
import type { LeftOut } from "./left-out.ts";
import { renderTable, wrapLines } from "./table.ts";
import { sayLength, sayMoney, sayTime, sayWatts, sayWorkload, UNKNOWN } from "./wording.ts";

const RIGHT = new Set(["WALL", "GROSS/H", "FEES/H", "POWER/H", "NET/H", "NET/DAY", "STAY"]);
const SPARE = ["FEES/H", "STAY", "GROSS/H", "BASIS"];
const HEADER = ["", "WORKLOAD", "RATE", "BASIS", ...RIGHT];

/** One GPU with all it could do; of a what-if, without what it does now. */
export interface ProfitGpu extends Pick<GpuView, "name" | "askFloorUsdPerHour" | "roundTripCostUsd"> {
  readonly gpu: string;
  readonly workload: WorkloadName | null;
  readonly workName: string | null;
  readonly why: string | null;
  readonly valuations: readonly ValuationView[];
  /** Of a what-if, what it cannot value. */
  readonly leftOut: readonly LeftOut[];
}

export interface ProfitView {
  readonly nowMs: number;
  /** Whether token prices that no source tells are those of the try-out, which are invented. */
  readonly isTryOut: boolean;
  readonly market: RigView["market"];
  /** Of the coins of all flight sheets; none in a what-if, whose prices are all of one file. */
  readonly coinPrices: RigView["coinPrices"];
  readonly electricity: Pick<RigView, "electricityUsdPerKwh" | "electricitySource" | "electricityUntilMs">;
  readonly gpus: readonly ProfitGpu[];
  readonly wouldHaveByDay: readonly WouldHaveDayView[];
}

type Age = Pick<ProfitView, "nowMs" | "isTryOut">;

/** The whole comparison as text, for a terminal of so many columns. */
export function renderProfit(view: ProfitView, columns?: number): string {
  const { market, electricity, gpus, wouldHaveByDay } = view;
  const remark = market.invented ? ", invented: no dollar below is real" : "";
  const prices = describePrices(view.coinPrices);
  const origin = prices.length > 0 ? prices.join("\n        ") : sayOrigin(market);
  const head = `prices: ${origin}${remark}\n${renderElectricity(electricity)}\n`;
  const days = wouldHaveByDay.map(
    ({ dayStartMs, netUsd }) => `observing ${sayTime(dayStartMs).slice(0, 10)} would have earned ${sayMoney(netUsd)}\n`,
  );
  const tables = gpus.map((gpu) => `\n${renderGpu(gpu, view, columns)}`);
  return wrapLines([head, ...tables, days.length === 0 ? "" : "\n", ...days].join(""), columns);
}

/** A price that nobody believes yet has no date. */
const sayOrigin = ({ source, asOfMs }: MarketView): string =>
  asOfMs === 0 ? source : `${source}, ${sayTime(asOfMs).slice(0, 10)}`;

/** One line for each coin of each flight sheet; none while there is one coin only. */
export function describePrices(prices: readonly CoinPriceView[]): readonly string[] {
  if (prices.length < 2) return [];
  return prices.map((price) => {
    const { sheet, coin, usdPerTerahash: usd } = price;
    const name = sheet === coin ? coin : `${coin} by ${sheet}`;
    return `${name} ${usd === null ? "unknown" : `${sayPlain(usd)} USD/TH`} (${sayOrigin(price)})`;
  });
}

function renderElectricity({ electricityUsdPerKwh, electricitySource, electricityUntilMs }: ProfitView["electricity"]) {
  const until = electricityUntilMs === null ? "" : `, until ${sayTime(electricityUntilMs)} UTC`;
  return `power:  ${sayMoney(electricityUsdPerKwh)}/kWh, ${electricitySource}${until}`;
}

function renderGpu(gpu: ProfitGpu, age: Age, columns: number | undefined): string {
  const table = renderTable(HEADER, gpu.valuations.map(toRow), { right: RIGHT, spare: SPARE, columns });
  const now = gpu.workload === null ? [] : [`now ${sayWorkload(gpu.workload, gpu.workName)}: ${gpu.why ?? UNKNOWN}`];
  const floor =
    gpu.askFloorUsdPerHour === null ? [] : [`list this GPU at ≥ ${sayMoney(gpu.askFloorUsdPerHour)}/h, or not at all`];
  const notes = gpu.valuations.flatMap((valuation) => [`  ${valuation.why}`, ...renderPrices(valuation, age)]);
  const missing = gpu.leftOut.map((one) => `  not shown: ${sayWorkload(one.workload, one.label || null)}, ${one.why}`);
  return `${[gpu.name === gpu.gpu ? gpu.gpu : `${gpu.name} (${gpu.gpu})`, table, ...now, ...floor, ...notes, ...missing].join("\n")}\n`;
}

const toRow = (valuation: ValuationView): readonly string[] => [
  valuation.chosen ? "▸" : " ",
  valuation.workload === "none" ? valuation.label : `${valuation.workload} ${valuation.label}`,
  valuation.rate,
  valuation.trust,
  sayWatts(valuation.powerW),
  sayMoney(valuation.grossUsdPerHour),
  sayMoney(valuation.feesUsdPerHour),
  sayMoney(valuation.electricityUsdPerHour),
  sayMoney(valuation.netUsdPerHour),
  sayMoney(valuation.netUsdPerDay),
  valuation.neededStayMs === null ? UNKNOWN : sayLength(valuation.neededStayMs),
];

/** Below which electricity and above which price it pays, and how far that price is to be trusted. */
function renderPrices(valuation: ValuationView, age: Age): readonly string[] {
  const { breakEvenUsdPerKwh, breakEvenPrice, price, priceUnit } = valuation;
  const pays = [
    // What earns nothing pays at no price of electricity.
    breakEvenUsdPerKwh === null || breakEvenUsdPerKwh <= 0 ? undefined : `below ${sayMoney(breakEvenUsdPerKwh)}/kWh`,
    breakEvenPrice === null || priceUnit === null
      ? undefined
      : `above ${sayPlain(breakEvenPrice)} ${priceUnit}${price === null ? "" : ` (now ${sayPlain(price)})`}`,
  ].filter((part) => part !== undefined);
  const from = renderOrigin(valuation, age);
  if (pays.length === 0) return from === undefined ? [] : [`    price from ${from}`];
  return [`    pays ${pays.join(" and ")}${from === undefined ? "" : `; price from ${from}`}`];
}

function renderOrigin(valuation: ValuationView, age: Age): string | undefined {
  const { price, dualPrice } = valuation;
  const first = {
    source: valuation.priceSource,
    asOfMs: valuation.priceAsOfMs,
    sourcesBelieved: valuation.priceSourcesBelieved,
    sourcesAsked: valuation.priceSourcesAsked,
  };
  if (price === null && first.source === null) return undefined;
  const second = dualPrice === null ? "" : `; that of ${dualPrice.coin} from ${saySource(dualPrice, age)}`;
  return `${saySource(first, age)}${second}`;
}

function saySource({ source, asOfMs, ...counts }: Omit<DualPriceView, "coin">, { nowMs, isTryOut }: Age): string {
  if (source === null || asOfMs === null) return isTryOut ? "the try-out, invented" : "rig.yaml";
  const { sourcesBelieved: believed, sourcesAsked: asked } = counts;
  // The name of several sources says already how many of them are believed.
  const single = believed === null || asked === null ? ", a single source" : "";
  return `${source}, ${sayLength(nowMs - asOfMs)} old${single}`;
}

/** Four significant digits; a price per hash is too small for anything but an exponent. */
const sayPlain = (price: number): string => String(Number(price.toPrecision(4)));
