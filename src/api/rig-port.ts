import type { BenchEvent, BenchRequest } from "./bench.ts";
import type { HiveView } from "./hiveos.ts";
import type { MmposView } from "./mmpos.ts";
import type {
  CurtailRequest,
  CurtailView,
  DecisionView,
  EnergySlotView,
  JobView,
  ModeRequest,
  ModeView,
  ReadyView,
  RigEvent,
  RigView,
  TransitionView,
  ValuationView,
} from "./shapes.ts";

export interface RecordedEvent {
  readonly id: number;
  readonly event: RigEvent;
}

/** What the edges may ask of the running agent. Reads answer at once from memory or the ledger. */
export interface RigPort {
  rig(): RigView;
  ready(): ReadyView;
  valuations(): readonly ValuationView[];
  decisions(limit: number): readonly DecisionView[];
  jobs(query: { readonly limit: number; readonly before?: number }): readonly JobView[];
  transitions(limit: number): readonly TransitionView[];
  energySlots(query: { readonly fromMs: number; readonly toMs: number }): readonly EnergySlotView[];
  /** Recorded, then effective with the next step; throws a `RigError` on an unknown GPU. */
  setMode(request: ModeRequest): ModeView;
  /** Recorded, then effective within a second. */
  curtail(request: CurtailRequest): CurtailView;
  /** Measures one GPU; ends, with what it tried taken back, when `signal` fires or nobody reads on. */
  bench(request: BenchRequest, signal: AbortSignal): AsyncGenerator<BenchEvent, void>;
  /** Events after `afterId` still in memory, oldest first. */
  eventsAfter(afterId: number): readonly RecordedEvent[];
  /** Returns the unsubscribe call. */
  onEvent(listener: (recorded: RecordedEvent) => void): () => void;
  /** OpenMetrics text of the moment. */
  metrics(): string;
  /** What Hive OS and mmpOS show of this rig. */
  hiveos(): HiveView;
  mmpos(): MmposView;
}
