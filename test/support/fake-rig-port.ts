import type { BenchEvent, BenchRequest } from "../../src/api/bench.ts";
import { type HiveView, toHiveView } from "../../src/api/hiveos.ts";
import type { MinerFacts } from "../../src/api/miner-facts.ts";
import { type MmposView, toMmposView } from "../../src/api/mmpos.ts";
import type { RecordedEvent, RigPort } from "../../src/api/rig-port.ts";
import type {
  CurtailRequest,
  CurtailView,
  DecisionView,
  EnergySlotView,
  GpuView,
  JobView,
  ModeRequest,
  ModeView,
  ReadyView,
  RigEvent,
  RigView,
  TransitionView,
  ValuationView,
} from "../../src/api/shapes.ts";
import { type Facts, RigError } from "../../src/lib/errors.ts";
import { ANSWERED, HASHED } from "./fake-job-facts.ts";
import { ScriptedBench } from "./scripted-bench.ts";

/** 2026-09-14 10:40:00 UTC, the moment that every fake starts from. */
export const START_MS = Date.UTC(2026, 8, 14, 10, 40, 0);
export const CPU_UUID = "CPU-7f3a1c9e";

const MINUTE_MS = 60_000;

export const fakeGpu = (changes: Partial<GpuView> = {}): GpuView => ({
  uuid: CPU_UUID,
  index: 0,
  name: "AMD Ryzen 9 7950X (CPU device)",
  mode: "auto",
  modeUntilMs: null,
  workName: null,
  workload: "hashing",
  state: "open",
  sinceMs: START_MS - 12 * MINUTE_MS,
  why: "Hashing nets $0.0118 an hour; no request is waiting, so inference would earn nothing.",
  health: "ok",
  powerW: 64.8,
  energyMj: 46_656_000,
  energyQuality: "assumed",
  temperatureC: null,
  utilizationPercent: 93,
  vramUsedMiB: null,
  vramTotalMiB: null,
  hashrateEffectiveHps: 24_130_000,
  ...{ hashrateReportedHps: 24_920_000, dualHashrateEffectiveHps: null, dualHashrateReportedHps: null },
  tokensPerSecond: null,
  servedRates: [],
  netUsdPerHour: 0.0118,
  queuedRequests: 0,
  activeRequests: 0,
  roundTripMs: 840,
  roundTripCostUsd: 0.0002,
  askFloorUsdPerHour: 0.0215,
  switchCosts: [],
  lastXid: null,
  ...{ slotFaults24h: 0, warnings: [] },
  ...changes,
});

const POOL = {
  sheet: "devcoin",
  url: "devpool",
  state: "connected",
  difficulty: 0.014,
  sinceMs: START_MS - 99 * MINUTE_MS,
  reason: null,
  foreign: [],
} as const;

export const fakeRig = (changes: Partial<RigView> = {}): RigView => ({
  rig: "attic-01",
  version: "0.1.0",
  nowMs: START_MS,
  startedMs: START_MS - 100 * MINUTE_MS,
  mode: "auto",
  modeUntilMs: null,
  tryOut: true,
  source: "cpu",
  dataDir: "/var/lib/rigshift",
  engine: {
    state: "ready",
    backend: "cpu",
    model: "rigshift-tiny",
    label: "built-in engine on the CPU",
    contextTokens: 512,
    reason: null,
  },
  pool: POOL,
  pools: [POOL],
  electricityUsdPerKwh: 0.15,
  electricitySource: "electricity.calendar",
  electricityUntilMs: START_MS + 3_600_000,
  curtail: null,
  market: { source: "sample market file", asOfMs: Date.UTC(2026, 7, 1), invented: true },
  coinPrices: [],
  today: {
    netUsd: 0.018_42,
    revenueUsd: 0.0347,
    electricityUsd: 0.016_28,
    energyMj: 390_720_000,
    sharesAccepted: 1742,
    sharesRejected: 3,
    completions: 27,
    tokensOut: 4186,
    wouldHaveEarnedUsd: null,
  },
  wouldHaveByDay: [],
  gpus: [fakeGpu()],
  ...changes,
});

/** Of a price with one source, as it was at the start. */
const unpriced = {
  grossUsdPerHour: null,
  feesUsdPerHour: null,
  electricityUsdPerKwh: 0.15,
  price: null,
  priceUnit: null,
  breakEvenPrice: null,
  priceSource: null,
  priceAsOfMs: null,
  priceSourcesBelieved: null,
  priceSourcesAsked: null,
  dualPrice: null,
  neededStayMs: null,
} as const;

export const fakeValuations = (): readonly ValuationView[] => [
  {
    ...unpriced,
    gpu: CPU_UUID,
    workName: null,
    workload: "hashing",
    label: "devcoin · sha256d",
    revenueUsdPerHour: 0.0215,
    electricityUsdPerHour: 0.0097,
    netUsdPerHour: 0.0118,
    netUsdPerDay: 0.2832,
    powerW: 64.8,
    breakEvenUsdPerKwh: 0.332,
    rate: "24.1 MH/s effective",
    trust: "measured over 10 min; price invented",
    why: "devcoin at its sample price",
    chosen: true,
  },
  {
    ...unpriced,
    gpu: CPU_UUID,
    workName: null,
    workload: "inference",
    label: "rigshift-tiny · built-in engine",
    revenueUsdPerHour: 0.0061,
    electricityUsdPerHour: 0.0088,
    netUsdPerHour: -0.0027,
    netUsdPerDay: -0.0648,
    powerW: 58.4,
    breakEvenUsdPerKwh: 0.104,
    rate: "212 tok/s",
    trust: "demand of the last hour; price invented",
    why: "3.1 requests an hour arrive",
    chosen: false,
  },
  {
    ...unpriced,
    gpu: CPU_UUID,
    workName: null,
    workload: "none",
    label: "rest",
    revenueUsdPerHour: 0,
    electricityUsdPerHour: 0.0015,
    netUsdPerHour: -0.0015,
    netUsdPerDay: -0.036,
    powerW: 10,
    breakEvenUsdPerKwh: null,
    rate: "–",
    trust: "assumed idle power",
    why: "idle power still costs electricity",
    chosen: false,
  },
];

export const fakeDecision = (id: number, changes: Partial<DecisionView> = {}): DecisionView => ({
  id,
  atMs: START_MS - id * MINUTE_MS,
  gpu: CPU_UUID,
  mode: "auto",
  action: "keep",
  from: "hashing",
  fromName: null,
  to: "hashing",
  toName: null,
  rule: "regret",
  why: "hashing still leads by $0.0145 an hour",
  ...changes,
});

export const fakeTransition = (id: number, changes: Partial<TransitionView> = {}): TransitionView => ({
  id,
  gpu: CPU_UUID,
  from: id % 2 === 0 ? "inference" : "hashing",
  to: id % 2 === 0 ? "hashing" : "inference",
  fromName: null,
  toName: null,
  rung: "warm",
  startedMs: START_MS - (20 - id) * 7 * MINUTE_MS,
  endedMs: START_MS - (20 - id) * 7 * MINUTE_MS + 430,
  durationMs: 430 + id * 11,
  energyMj: 21_400,
  outcome: "completed",
  reason:
    id % 2 === 0 ? "no request for 8 s, longer than the gaps before" : "one request waits and covers the handover",
  ...changes,
});

export const fakeJob = (id: number, changes: Partial<JobView> = {}): JobView => {
  const isHashing = id % 3 === 0;
  const startedMs = START_MS - (40 - id) * 4 * MINUTE_MS;
  return {
    jobId: `job-${id}`,
    kind: isHashing ? "hashing" : "completion",
    workload: isHashing ? "devcoin" : "rigshift-tiny",
    gpuUuid: CPU_UUID,
    startedMs,
    endedMs: startedMs + (isHashing ? 214_000 : 1840),
    outcome: "completed",
    energyMj: isHashing ? 13_867_200 : 107_456,
    energyQuality: "assumed",
    energyErrorPct: 30,
    wallEnergyMj: isHashing ? 15_408_000 : 119_396,
    wallErrorPct: 35,
    revenueUsdNano: isHashing ? 1_278_000 : 41_250,
    revenueBasis: "estimated",
    ...(isHashing ? HASHED : ANSWERED),
    electricityUsdNano: isHashing ? 642_000 : 4975,
    difficultyAccepted: isHashing ? 0.994 : null,
    receiptId: null,
    ...changes,
  };
};

export const fakeSlot = (slotStartMs: number, changes: Partial<EnergySlotView> = {}): EnergySlotView => ({
  gpu: CPU_UUID,
  slotStartMs,
  hashingMj: 50_000_000,
  inferenceMj: 5_000_000,
  switchMj: 40_000,
  parkedMj: 0,
  idleMj: 1_280_000,
  measuredMj: 56_320_000,
  quality: "assumed",
  ...changes,
});

const range = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);

/** An agent that does nothing on its own: tests set what it shows and push what it tells. */
export class FakeRigPort implements RigPort {
  readonly benchmarks = new ScriptedBench();
  current: RigView = fakeRig();
  readiness: ReadyView = { ready: true, ledger: "ok", gpus: "1 answering", engine: "ready", backend: "cpu" };
  jobRows: readonly JobView[] = range(9).map((index) => fakeJob(39 - index));
  valuationRows: readonly ValuationView[] = fakeValuations();
  transitionRows: readonly TransitionView[] = range(6).map((index) => fakeTransition(19 - index));
  slots: readonly EnergySlotView[] = range(8).map((index) =>
    fakeSlot(START_MS - (START_MS % 900_000) - index * 900_000),
  );
  miner: MinerFacts = {
    version: "0.1.0",
    uptimeS: 6000,
    algorithm: "sha256d",
    devices: [{ workload: "hashing", state: "open", shares: { accepted: 1742, rejected: 2, invalid: 1 } }],
  };
  /** Thrown by every read while set. */
  fault: Error | undefined;
  readonly modeRequests: ModeRequest[] = [];
  readonly queries: unknown[] = [];
  /** How many events stay in memory. */
  readonly capacity: number;
  #events: RecordedEvent[] = [];
  #nextId = 1;
  readonly #listeners = new Set<(recorded: RecordedEvent) => void>();

  constructor(capacity = 1000) {
    this.capacity = capacity;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Records `event` and tells everyone who listens. */
  push(event: RigEvent): RecordedEvent {
    const recorded = { id: this.#nextId++, event };
    this.#events = [...this.#events, recorded].slice(-this.capacity);
    if (event.type === "rig") this.current = event.rig;
    for (const listener of this.#listeners) listener(recorded);
    return recorded;
  }

  /** Changes the rig and tells about it. */
  pushRig(changes: Partial<RigView>): RecordedEvent {
    return this.push({ type: "rig", rig: { ...this.current, ...changes } });
  }

  /** Forgets all events and begins with id 1, as a restarted agent does. */
  restart(): void {
    this.#events = [];
    this.#nextId = 1;
  }

  rig(): RigView {
    return this.#orFault(this.current);
  }

  ready(): ReadyView {
    return this.#orFault(this.readiness);
  }

  valuations(): readonly ValuationView[] {
    return this.#orFault(this.valuationRows);
  }

  decisions(limit: number): readonly DecisionView[] {
    this.queries.push({ limit });
    return this.#orFault(range(Math.min(limit, 60)).map((id) => fakeDecision(id)));
  }

  jobs(query: { readonly limit: number; readonly before?: number }): readonly JobView[] {
    this.queries.push(query);
    const { limit, before = Number.POSITIVE_INFINITY } = query;
    return this.#orFault(this.jobRows.filter(({ startedMs }) => startedMs < before).slice(0, limit));
  }

  transitions(limit: number): readonly TransitionView[] {
    this.queries.push({ limit });
    return this.#orFault(this.transitionRows.slice(0, limit));
  }

  energySlots(query: { readonly fromMs: number; readonly toMs: number }): readonly EnergySlotView[] {
    this.queries.push(query);
    const { fromMs, toMs } = query;
    return this.#orFault(this.slots.filter((slot) => slot.slotStartMs >= fromMs && slot.slotStartMs < toMs));
  }

  setMode(request: ModeRequest): ModeView {
    if (request.gpu !== undefined && !this.current.gpus.some(({ uuid }) => uuid === request.gpu))
      throw new RigError<Facts>("no such GPU", { code: "ERR_RIG_UNKNOWN_GPU", mend: "see rigshift gpus" });
    this.modeRequests.push(request);
    const { mode, gpu = null, forMs } = request;
    const modeUntilMs = forMs === undefined ? null : this.current.nowMs + forMs;
    const gpus = this.current.gpus.map((one) =>
      gpu === null || one.uuid === gpu ? { ...one, mode, modeUntilMs } : one,
    );
    this.pushRig({ gpus, ...(gpu === null && { mode, modeUntilMs }) });
    return { mode, gpu, untilMs: modeUntilMs };
  }

  curtail({ maxW, untilMs: until }: CurtailRequest): CurtailView {
    const untilMs = until ?? null;
    const order = { maxW, untilMs, restW: maxW === null ? null : 60 };
    this.pushRig({ curtail: maxW === null ? null : order });
    return order;
  }

  bench(request: BenchRequest, signal: AbortSignal): AsyncGenerator<BenchEvent, void> {
    return this.benchmarks.run(request, signal);
  }

  eventsAfter(afterId: number): readonly RecordedEvent[] {
    return this.#events.filter(({ id }) => id > afterId);
  }

  onEvent(listener: (recorded: RecordedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  metrics(): string {
    return this.#orFault("# TYPE rigshift_power_watts gauge\nrigshift_power_watts 64.8\n# EOF\n");
  }

  hiveos(): HiveView {
    return toHiveView(this.#orFault(this.miner));
  }

  mmpos(): MmposView {
    return toMmposView(this.#orFault(this.miner));
  }

  #orFault<T>(value: T): T {
    if (this.fault) throw this.fault;
    return value;
  }
}
