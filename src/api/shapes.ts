/**
 * The JSON that HTTP, the page and the CLI's `--json` share. Keys carry units; an unknown value is null, never 0.
 */

export type ModeName = "observe" | "auto" | "mine" | "serve" | "pause" | "release";
export const MODE_NAMES: readonly ModeName[] = ["observe", "auto", "mine", "serve", "pause", "release"];

export type WorkloadName = "hashing" | "inference" | "lease" | "external" | "none";

export interface RigView {
  readonly rig: string;
  readonly version: string;
  readonly nowMs: number;
  readonly startedMs: number;
  /** The rig's own; a GPU may have an order of its own. */
  readonly mode: ModeName;
  /** When the order behind `mode` ends; null when it holds for good. */
  readonly modeUntilMs: number | null;
  /** True while the agent runs the embedded default: real work, invented prices. */
  readonly tryOut: boolean;
  readonly source: "nvml" | "nvidia-smi" | "cpu" | "simulated";
  /** Folder on the rig that holds the ledger and the token. */
  readonly dataDir: string;
  readonly engine: EngineView | null;
  /** The one that is mined at, else the first. */
  readonly pool: PoolView | null;
  /** One per flight sheet; a pool that nobody mines at is not connected. */
  readonly pools: readonly PoolView[];
  readonly electricityUsdPerKwh: number;
  /** What tells that price: the part of rig.yaml that holds it, or why it is not the price of this hour. */
  readonly electricitySource: string;
  /** When another price follows; null for a fixed one, and while nobody says. */
  readonly electricityUntilMs: number | null;
  /** The order to keep the rig under so many watts; null when there is none. */
  readonly curtail: CurtailView | null;
  /** Where the first coin's price comes from, in words, with its date; invented as soon as any coin's is. */
  readonly market: MarketView;
  /** Those of each coin that a flight sheet mines, in order; a sheet of two coins has two. */
  readonly coinPrices: readonly CoinPriceView[];
  readonly today: TodayView;
  /** What observing would have earned on each of the last days it observed, newest first. */
  readonly wouldHaveByDay: readonly WouldHaveDayView[];
  readonly gpus: readonly GpuView[];
}

export interface MarketView {
  readonly source: string;
  readonly asOfMs: number;
  readonly invented: boolean;
}

/** What the pools of a flight sheet pay for one of its coins, and who says so. */
export interface CoinPriceView extends MarketView {
  readonly sheet: string;
  readonly coin: string;
  /** Per terahash, before fees; null while nobody is believed or the price is stale. */
  readonly usdPerTerahash: number | null;
}

/** One UTC day of observe mode. */
export interface WouldHaveDayView {
  readonly dayStartMs: number;
  readonly netUsd: number;
}

export interface EngineView {
  readonly state: "starting" | "ready" | "stopped" | "failed";
  /** The backend really in use: cpu, cuda, vulkan or metal. */
  readonly backend: string | null;
  readonly model: string | null;
  readonly label: string | null;
  readonly contextTokens: number | null;
  readonly reason: string | null;
}

export interface PoolView {
  /** The flight sheet whose miners go there. */
  readonly sheet: string;
  readonly url: string;
  readonly state: "connecting" | "connected" | "down";
  readonly difficulty: number | null;
  readonly sinceMs: number | null;
  readonly reason: string | null;
  /** Logins through the proxy that are not the rig's own since the agent started: a miner program's fee, mostly. */
  readonly foreign: readonly ForeignLoginView[];
}

/** What went to somebody else's wallet; none of it is in the ledger. */
export interface ForeignLoginView {
  readonly login: string;
  readonly sharesAccepted: number;
  readonly sharesRejected: number;
  /** Never answered by the pool. */
  readonly sharesUnknown: number;
  /** Behind the accepted shares. */
  readonly expectedHashes: number;
  readonly sinceMs: number;
  readonly lastMs: number;
}

/**
 * Since midnight UTC. Energy and electricity are all that was measured: jobs, and switching, waiting and resting beside
 * them; `netUsd` is the (estimated) revenue less that.
 */
export interface TodayView {
  readonly netUsd: number;
  readonly revenueUsd: number;
  readonly electricityUsd: number;
  readonly energyMj: number;
  readonly sharesAccepted: number;
  readonly sharesRejected: number;
  readonly completions: number;
  readonly tokensOut: number;
  /** Only in observe mode: what the decisions would have earned. */
  readonly wouldHaveEarnedUsd: number | null;
}

export interface GpuView {
  readonly uuid: string;
  readonly index: number;
  readonly name: string;
  /** The one in force for this GPU, which differs from the rig's where it has an order of its own. */
  readonly mode: ModeName;
  readonly modeUntilMs: number | null;
  readonly workload: WorkloadName;
  /** Which one, where there are several of its kind: a flight sheet. */
  readonly workName: string | null;
  /** `listed`: an external workload was started and waits for a customer; `rented`: somebody uses the GPU, or nobody knows. */
  readonly state: string;
  readonly sinceMs: number;
  /** One sentence: why this GPU does this now. */
  readonly why: string;
  readonly health: string;
  readonly powerW: number | null;
  readonly energyMj: number | null;
  readonly energyQuality: string;
  readonly temperatureC: number | null;
  readonly utilizationPercent: number | null;
  readonly vramUsedMiB: number | null;
  readonly vramTotalMiB: number | null;
  /** From accepted shares; null until there are enough of them. */
  readonly hashrateEffectiveHps: number | null;
  /** What the miner's own API says. */
  readonly hashrateReportedHps: number | null;
  /** The same of a second coin that is hashed at the same time; null where there is none. */
  readonly dualHashrateEffectiveHps: number | null;
  readonly dualHashrateReportedHps: number | null;
  /** Learned from requests; stays while none runs. */
  readonly tokensPerSecond: number | null;
  /** By how many requests are answered at once; empty until one was. */
  readonly servedRates: readonly ServedRateView[];
  readonly netUsdPerHour: number | null;
  readonly queuedRequests: number;
  readonly activeRequests: number;
  readonly roundTripMs: number | null;
  readonly roundTripCostUsd: number | null;
  /** From this ask on, an hour of renting the GPU out brings no less than its best own work. */
  readonly askFloorUsdPerHour: number | null;
  /** What handovers of this GPU were measured to take. */
  readonly switchCosts: readonly SwitchCostView[];
  /** The driver's last error number for this GPU since the agent started. */
  readonly lastXid: number | null;
  /** How often a card in this slot was taken out of service in the last 24 hours. */
  readonly slotFaults24h: number;
  /** What does not go as configured, a sentence each; empty where all does. */
  readonly warnings: readonly string[];
}

/** What the engine writes with so many requests at once, of all of them together. */
export interface ServedRateView {
  readonly concurrency: number;
  readonly tokensPerSecond: number;
  readonly powerW: number | null;
  readonly joulesPerToken: number | null;
  readonly samples: number;
  readonly basis: "watched" | "benched" | "adopted";
  readonly measuredMs: number;
}

export interface SwitchCostView {
  readonly from: WorkloadName;
  readonly to: WorkloadName;
  /** From or to which external workload; null where neither is one. */
  readonly externalName: string | null;
  readonly rung: string;
  readonly meanMs: number;
  /** Nine of ten took no longer. */
  readonly p90Ms: number;
  readonly energyMj: number;
  readonly samples: number;
}

/** Where the price of a second coin is from, as `priceSource` and what follows tell it of the first. */
export interface DualPriceView {
  readonly coin: string;
  readonly source: string | null;
  readonly asOfMs: number | null;
  readonly sourcesBelieved: number | null;
  readonly sourcesAsked: number | null;
}

export interface ValuationView {
  readonly gpu: string;
  readonly workload: WorkloadName;
  readonly workName: string | null;
  readonly label: string;
  /** Before fees. */
  readonly grossUsdPerHour: number | null;
  readonly feesUsdPerHour: number | null;
  readonly revenueUsdPerHour: number | null;
  readonly electricityUsdPerHour: number | null;
  readonly netUsdPerHour: number | null;
  readonly netUsdPerDay: number | null;
  readonly powerW: number | null;
  /** The electricity price in USD/kWh at which the net is 0. */
  readonly breakEvenUsdPerKwh: number | null;
  /** What a kilowatt-hour costs this load. */
  readonly electricityUsdPerKwh: number | null;
  /** Of `priceUnit`: a terahash, a million tokens written, or a GPU-hour. */
  readonly price: number | null;
  readonly priceUnit: string | null;
  /** The price at which the net is 0. */
  readonly breakEvenPrice: number | null;
  readonly priceSource: string | null;
  readonly priceAsOfMs: number | null;
  /** How many of the sources that are asked are believed now; null for a price of one source. */
  readonly priceSourcesBelieved: number | null;
  readonly priceSourcesAsked: number | null;
  /** Of the second of two coins hashed at once; null where there is one coin. */
  readonly dualPrice: DualPriceView | null;
  /** How long it must run to earn back the round trip; null where it pays no more than what runs. */
  readonly neededStayMs: number | null;
  readonly rate: string;
  readonly trust: string;
  readonly why: string;
  readonly chosen: boolean;
}

export interface DecisionView {
  readonly id: number;
  readonly atMs: number;
  readonly gpu: string;
  readonly mode: ModeName;
  readonly action: "keep" | "switch";
  readonly from: WorkloadName;
  readonly fromName: string | null;
  readonly to: WorkloadName;
  readonly toName: string | null;
  readonly rule: string;
  readonly why: string;
}

/** One row of `v_jobs`. */
export interface JobView {
  readonly jobId: string;
  readonly kind: string;
  /** The coins that are hashed, the model, or whoever has the GPU. */
  readonly workload: string;
  /** The flight sheet that it hashed by; null for other work, and in jobs from before sheets were told apart. */
  readonly sheet: string | null;
  readonly gpuUuid: string | null;
  readonly startedMs: number;
  readonly endedMs: number | null;
  /** Null while the job runs. */
  readonly outcome: string | null;
  readonly energyMj: number | null;
  readonly energyQuality: string | null;
  readonly energyErrorPct: number | null;
  readonly wallEnergyMj: number | null;
  readonly wallErrorPct: number | null;
  /** What the operator keeps: of hashing after what pool, exchange and payouts take. */
  readonly revenueUsdNano: number | null;
  /** The same before those fees; null for work that has none. */
  readonly grossUsdNano: number | null;
  readonly revenueBasis: string | null;
  readonly electricityUsdNano: number | null;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly sharesAccepted: number | null;
  readonly sharesRejected: number | null;
  readonly difficultyAccepted: number | null;
  readonly receiptId: string | null;
}

export interface TransitionView {
  readonly id: number;
  readonly gpu: string;
  readonly from: WorkloadName;
  readonly fromName: string | null;
  readonly to: WorkloadName;
  readonly toName: string | null;
  readonly rung: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly durationMs: number | null;
  readonly energyMj: number | null;
  readonly outcome: string | null;
  readonly reason: string;
}

export interface EnergySlotView {
  readonly gpu: string;
  readonly slotStartMs: number;
  readonly hashingMj: number;
  readonly inferenceMj: number;
  readonly switchMj: number;
  readonly parkedMj: number;
  readonly idleMj: number;
  readonly measuredMj: number;
  readonly quality: string;
}

export interface ModeRequest {
  readonly mode: ModeName;
  readonly gpu?: string;
  readonly forMs?: number;
}

export interface ModeView {
  readonly mode: ModeName;
  readonly gpu: string | null;
  readonly untilMs: number | null;
}

/** `maxW` null lifts the order before; else both are needed. */
export interface CurtailRequest {
  readonly maxW: number | null;
  readonly untilMs?: number;
}

/** Both null when nothing is ordered. */
export interface CurtailView {
  /** For the whole rig, at the wall. */
  readonly maxW: number | null;
  readonly untilMs: number | null;
  /** What the rig draws at the wall when all of it rests, as far as that was measured; above `maxW` nothing more can be shed. */
  readonly restW: number | null;
}

/** What `/api/v1/events` sends; `id` lets a reader resume after a broken connection. */
export type RigEvent =
  | { readonly type: "rig"; readonly rig: RigView }
  | { readonly type: "decision"; readonly decision: DecisionView }
  | { readonly type: "transition"; readonly transition: TransitionView }
  | { readonly type: "job"; readonly job: JobView };

export interface HealthView {
  readonly status: "ok";
  /** This run of the agent, as its `agent.json` names it. */
  readonly instance: string;
}

export interface ReadyView {
  readonly ready: boolean;
  readonly ledger: string;
  readonly gpus: string;
  readonly engine: string;
  /** The engine's backend really in use, null until it answered. */
  readonly backend: string | null;
}

/** The shape of every error outside the OpenAI routes. */
export interface ErrorView {
  readonly error: { readonly code: string; readonly message: string; readonly mend: string | null };
}
