import type { FlightSheetConfig, RigConfig } from "../config/load.ts";
import type { GpuSource } from "../gpu/source.ts";
import type { EnergySlot } from "../ledger/energy.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Market } from "../market/market.ts";
import type { Quote } from "../market/quote.ts";
import type { RigController } from "../rig/controller.ts";
import type { GpuSnapshot } from "../rig/snapshot.ts";
import { milliJoules, watts } from "../units/energy.ts";
import { addUsd, energyCost, toUsd, type UsdNano, type UsdPerKwh, usdNano } from "../units/money.ts";
import { millis, type UnixMs, unixMs } from "../units/time.ts";
import { type BenchRequest, toBenchEvent, toBenchOrder } from "./bench.ts";
import { EventLog } from "./event-log.ts";
import { toEngineView, toGpuView, toValuationView } from "./gpu-view.ts";
import { toHiveView } from "./hiveos.ts";
import { renderMetrics } from "./metrics.ts";
import { type MinerFacts, type ShareTally, toDeviceFacts } from "./miner-facts.ts";
import { toMmposView } from "./mmpos.ts";
import { quotesOf, toCoinPriceView, toMarketView } from "./price-view.ts";
import type { RigPort } from "./rig-port.ts";
import { toDecisionView, toEnergySlotView, toJobView, toTransitionView } from "./rows.ts";
import type { CurtailView, PoolView, ReadyView, RigView } from "./shapes.ts";

const DAY_MS = 86_400_000;
const WATCHED_JOBS = 20;
const WOULD_HAVE_DAYS = 6;

export interface RigViewParts {
  readonly version: string;
  readonly config: RigConfig;
  readonly dataDir: string;
  readonly controller: RigController;
  readonly source: GpuSource;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly started: UnixMs;
  /** What coins pay and a kilowatt-hour costs. */
  readonly market: Pick<Market, "coin" | "bookedPower" | "grid">;
  readonly model: string | undefined;
  /** One per flight sheet. */
  readonly pools: () => readonly PoolView[];
  /** Of this run. */
  readonly shares: ShareTally;
}

export interface RigViews extends RigPort {
  /** Sends out what is new since the last call. */
  publish(): void;
}

/** What the running agent shows to its edges: snapshots of the loops and rows of the ledger, in the API's shapes. */
export function createRigViews(parts: RigViewParts): RigViews {
  const { controller, ledger, clock } = parts;
  const log = new EventLog(clock.now());
  const rig = () => viewRig(parts);
  const ready = () => viewReady(parts);
  const news = watchLedger(ledger, log);
  return {
    rig,
    ready,
    valuations: () =>
      controller.snapshots().flatMap((gpu) => gpu.valuations.map((valuation) => toValuationView(gpu, valuation))),
    decisions: (limit) => ledger.decisions.list(limit).map(toDecisionView),
    jobs: (page) => ledger.jobs.listJobs(page).map(toJobView),
    transitions: (limit) => ledger.transitions.list(limit).map(toTransitionView),
    energySlots: ({ fromMs, toMs }) => ledger.energy.slots(unixMs(fromMs), unixMs(toMs)).map(toEnergySlotView),
    setMode: ({ mode, gpu, forMs }) => {
      const length = forMs === undefined ? {} : { length: millis(forMs) };
      const { until } = controller.setMode({ mode, by: "http", ...length, ...(gpu === undefined ? {} : { gpu }) });
      return { mode, gpu: gpu ?? null, untilMs: until ?? null };
    },
    curtail: ({ maxW, untilMs }) => {
      const limit = maxW === null ? {} : { maxPower: watts(maxW) };
      controller.curtail({ ...limit, ...(untilMs === undefined ? {} : { until: unixMs(untilMs) }), by: "http" });
      return viewCurtail(parts) ?? { maxW: null, untilMs: null, restW: null };
    },
    bench: (request, signal) => watchBench(controller, request, signal),
    eventsAfter: (id) => log.after(id),
    onEvent: (listener) => log.subscribe(listener),
    metrics: () => renderMetrics(rig(), ready()),
    hiveos: () => toHiveView(viewMiner(parts)),
    mmpos: () => toMmposView(viewMiner(parts)),
    publish: () => {
      news();
      log.push({ type: "rig", rig: rig() });
    },
  };
}

async function* watchBench(controller: RigController, request: BenchRequest, signal: AbortSignal) {
  for await (const news of controller.bench(request.gpu, toBenchOrder(request), signal))
    yield toBenchEvent(news, request);
}

function viewMiner({ version, config, controller, clock, started, shares }: RigViewParts): MinerFacts {
  const gpus = controller.snapshots();
  const sheets = config.mining?.sheets ?? [];
  const algorithm = sheetInUse(sheets, gpus)?.algorithm;
  return {
    version,
    uptimeS: Math.floor((clock.now() - started) / 1000),
    ...(algorithm === undefined ? {} : { algorithm }),
    devices: gpus.map((gpu) => toDeviceFacts(gpu, shares.of(gpu.info.uuid))),
  };
}

/** The one that is mined at; one that is down says more than one that nobody needs. */
const poolInUse = (pools: readonly PoolView[]): PoolView | null =>
  pools.find(({ state }) => state === "connected") ?? pools.find(({ state }) => state === "down") ?? pools[0] ?? null;

/** A mining OS knows one algorithm at a time: that of the first GPU that hashes, else the first there is. */
const sheetInUse = (sheets: readonly FlightSheetConfig[], gpus: readonly GpuSnapshot[]) =>
  gpus.flatMap(({ workload, name }) => sheets.find((one) => workload === "hashing" && one.name === name) ?? [])[0] ??
  sheets[0];

/** Pushes every decision, ended transition and changed job exactly once. */
function watchLedger(ledger: Ledger, log: EventLog): () => void {
  let lastDecision = ledger.decisions.list(1)[0]?.id ?? 0;
  let lastTransition = ledger.transitions.list(1)[0]?.id ?? 0;
  let jobs = new Map<string, string>();
  return () => {
    const decisions = ledger.decisions.list(WATCHED_JOBS).filter(({ id }) => id > lastDecision);
    for (const row of decisions.reverse()) log.push({ type: "decision", decision: toDecisionView(row) });
    lastDecision = decisions.at(-1)?.id ?? lastDecision;
    const ended = ledger.transitions.list(WATCHED_JOBS).filter(({ id, outcome }) => id > lastTransition && outcome);
    for (const row of ended.reverse()) log.push({ type: "transition", transition: toTransitionView(row) });
    lastTransition = ended.at(-1)?.id ?? lastTransition;
    const seen = new Map<string, string>();
    for (const job of ledger.jobs.listJobs({ limit: WATCHED_JOBS }).map(toJobView).reverse()) {
      const state = JSON.stringify(job);
      seen.set(job.jobId, state);
      if (jobs.get(job.jobId) !== state) log.push({ type: "job", job });
    }
    jobs = seen;
  };
}

function viewRig(parts: RigViewParts): RigView {
  const { config, controller, ledger, clock, market, model } = parts;
  const quotes = quotesOf(config.mining?.sheets ?? [], market);
  const now = clock.now();
  const midnight = unixMs(Math.floor(now / DAY_MS) * DAY_MS);
  const sums = ledger.jobs.sumSince(midnight);
  const { measured, electricity } = spentSince(parts, midnight, sums.electricity);
  const mode = controller.mode();
  const gpus = controller.snapshots();
  const pools = parts.pools();
  return {
    rig: config.rig.name,
    version: parts.version,
    nowMs: now,
    startedMs: parts.started,
    mode,
    modeUntilMs: ledger.modes.current(now)?.until ?? null,
    tryOut: config.file === undefined,
    source: parts.source.kind,
    dataDir: parts.dataDir,
    engine: toEngineView(gpus, model),
    pool: poolInUse(pools),
    pools,
    electricityUsdPerKwh: market.bookedPower(),
    ...toElectricityView(market.grid()),
    curtail: viewCurtail(parts),
    market: toMarketView(quotes, parts.started),
    coinPrices: quotes.map((one) => toCoinPriceView(one, now)),
    today: {
      netUsd: toUsd(usdNano(sums.revenue - electricity)),
      revenueUsd: toUsd(sums.revenue),
      electricityUsd: toUsd(electricity),
      energyMj: measured,
      sharesAccepted: sums.sharesAccepted,
      sharesRejected: sums.sharesRejected,
      completions: sums.completions,
      tokensOut: sums.tokensOut,
      wouldHaveEarnedUsd: mode === "observe" ? toUsd(ledger.wouldHave.sum(now)) : null,
    },
    wouldHaveByDay: ledger.wouldHave
      .days(unixMs(midnight - WOULD_HAVE_DAYS * DAY_MS))
      .map(({ dayStart, amount }) => ({ dayStartMs: dayStart, netUsd: toUsd(amount) })),
    gpus: gpus.map((gpu) => toGpuView(gpu, ledger.modes.current(now, gpu.info.uuid)?.until)),
  };
}

export const toElectricityView = (grid: Quote<UsdPerKwh> | undefined) => ({
  electricitySource: grid?.source ?? "electricity.usdPerKwh, because nobody tells the price of this hour",
  // A price that does not age is fixed: its end is only how far ahead anybody looks.
  electricityUntilMs: grid?.maxAge === undefined ? null : (grid.until ?? null),
});

function viewCurtail({ ledger, clock, controller }: RigViewParts): CurtailView | null {
  const order = ledger.curtailments.current(clock.now());
  return order === undefined ? null : { maxW: order.maxPower, untilMs: order.until, restW: controller.restPower };
}

/** All that was measured, and what it costs: the jobs' own bills, and switching, waiting and resting beside them. */
function spentSince({ ledger, clock, config, market }: RigViewParts, from: UnixMs, ofJobs: UsdNano) {
  const { efficiency } = config.power.wall;
  const slots = ledger.energy.slots(from, clock.now());
  const sum = (pick: (slot: EnergySlot) => number) => milliJoules(slots.reduce((total, slot) => total + pick(slot), 0));
  const beside = sum((slot) => slot.switch + slot.parked + slot.idle);
  const overhead = energyCost(milliJoules(beside / efficiency), market.bookedPower());
  return { measured: sum((slot) => slot.measured), electricity: addUsd(ofJobs, overhead) };
}

/** Ready means: the ledger answers, a GPU answers, and the engine answers where the mode wants one. */
function viewReady({ ledger, controller, clock, model }: RigViewParts): ReadyView {
  const gpus = controller.snapshots();
  const engine = toEngineView(gpus, model);
  const lost = gpus.filter(({ reading }) => reading?.health !== "ok");
  const serving = controller.mode() === "auto" || controller.mode() === "serve";
  const engineOk = engine === null || !serving || engine.state === "ready";
  const ledgerState = probe(() => ledger.modes.current(clock.now()));
  return {
    ready: ledgerState === "ok" && lost.length < gpus.length && engineOk,
    ledger: ledgerState,
    gpus: lost.length === 0 ? "ok" : `${lost.length} of ${gpus.length} do not answer`,
    engine: engine === null ? "none configured" : (engine.reason ?? engine.state),
    backend: engine?.backend ?? null,
  };
}

function probe(read: () => unknown): string {
  try {
    read();
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.message : "failed";
  }
}
