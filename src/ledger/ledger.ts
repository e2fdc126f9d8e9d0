import type { Clock } from "../lib/clock.ts";
import { type BaselineReads, type Baselines, createBaselines } from "./baselines.ts";
import { type BenchmarkReads, type Benchmarks, createBenchmarks } from "./benchmarks.ts";
import type { Connection } from "./connection.ts";
import { type CurtailmentReads, type Curtailments, createCurtailments } from "./curtailments.ts";
import { createDecisions, type DecisionReads, type Decisions } from "./decisions.ts";
import { createEnergy, type Energy, type EnergyReads } from "./energy.ts";
import { createEnergyWindows, type EnergyWindowReads, type EnergyWindows } from "./energy-windows.ts";
import { createExternalStays, type ExternalStayReads, type ExternalStays } from "./external-stays.ts";
import { createFoundSettings, type FoundSettingReads, type FoundSettings } from "./found-settings.ts";
import { createGpuFaults, type GpuFaultReads, type GpuFaults } from "./gpu-faults.ts";
import { createGpuHolds, type GpuHoldReads, type GpuHolds } from "./gpu-holds.ts";
import { createGpuMinutes, type GpuMinuteReads, type GpuMinutes } from "./gpu-minutes.ts";
import type { JobReads } from "./job-reads.ts";
import type { JobStates } from "./job-states.ts";
import { createJobs, type Jobs } from "./jobs.ts";
import { createModes, type ModeReads, type Modes } from "./modes.ts";
import { createPayouts, type PayoutReads, type Payouts } from "./payouts.ts";
import { createPowerMinutes, type PowerMinuteReads, type PowerMinutes } from "./power-minutes.ts";
import { createProcesses, type Processes, type ProcessReads } from "./processes.ts";
import { createRigEnergy, type RigEnergy, type RigEnergyReads } from "./rig-energy.ts";
import { createShares, type ShareReads, type Shares } from "./shares.ts";
import { createSlotSums } from "./sums.ts";
import { createTransitions, type TransitionReads, type Transitions } from "./transitions.ts";
import { createWouldHave, type WouldHave, type WouldHaveReads } from "./would-have.ts";

/** What the command line may ask while an agent writes. */
export interface ReadOnlyLedger {
  readonly jobs: JobReads & Pick<JobStates, "listStates">;
  readonly shares: ShareReads;
  readonly transitions: TransitionReads;
  readonly decisions: DecisionReads;
  readonly energy: EnergyReads;
  readonly energyWindows: EnergyWindowReads;
  readonly gpuMinutes: GpuMinuteReads;
  readonly powerMinutes: PowerMinuteReads;
  readonly rigEnergy: RigEnergyReads;
  readonly baselines: BaselineReads;
  readonly gpuFaults: GpuFaultReads;
  readonly gpuHolds: GpuHoldReads;
  readonly curtailments: CurtailmentReads;
  readonly foundSettings: FoundSettingReads;
  readonly benchmarks: BenchmarkReads;
  readonly modes: ModeReads;
  readonly processes: ProcessReads;
  readonly externalStays: ExternalStayReads;
  readonly wouldHave: WouldHaveReads;
  readonly payouts: PayoutReads;
  close(): void;
}

/** Everything the rig remembers. Synchronous; each call is on disk when it returns. */
export interface Ledger extends ReadOnlyLedger {
  readonly jobs: Jobs;
  readonly shares: Shares;
  readonly transitions: Transitions;
  readonly decisions: Decisions;
  readonly energy: Energy;
  readonly energyWindows: EnergyWindows;
  readonly gpuMinutes: GpuMinutes;
  readonly powerMinutes: PowerMinutes;
  readonly rigEnergy: RigEnergy;
  readonly baselines: Baselines;
  readonly gpuFaults: GpuFaults;
  readonly gpuHolds: GpuHolds;
  readonly curtailments: Curtailments;
  readonly foundSettings: FoundSettings;
  readonly benchmarks: Benchmarks;
  readonly modes: Modes;
  readonly processes: Processes;
  readonly externalStays: ExternalStays;
  readonly wouldHave: WouldHave;
  readonly payouts: Payouts;
  /** All that `f` writes, or nothing; nested calls are fine, promises are refused. */
  transaction<T>(f: () => T): T;
  /** Moves the write-ahead log into the main file and empties it. */
  checkpoint(): void;
  /** Releases file and lock; further calls of `close` do nothing. */
  close(): void;
}

/** The ledger over a connection that it then owns; `released` runs once, after the connection is closed. */
export function buildLedger(connection: Connection, clock: Clock, released: () => void): Ledger {
  const sums = createSlotSums(connection);
  let isOpen = true;
  return {
    jobs: createJobs(connection, sums, clock),
    shares: createShares(connection, sums),
    transitions: createTransitions(connection),
    decisions: createDecisions(connection),
    energy: createEnergy(connection, sums),
    energyWindows: createEnergyWindows(connection),
    gpuMinutes: createGpuMinutes(connection),
    powerMinutes: createPowerMinutes(connection),
    rigEnergy: createRigEnergy(connection),
    baselines: createBaselines(connection),
    gpuFaults: createGpuFaults(connection),
    gpuHolds: createGpuHolds(connection),
    curtailments: createCurtailments(connection),
    foundSettings: createFoundSettings(connection),
    benchmarks: createBenchmarks(connection),
    modes: createModes(connection),
    processes: createProcesses(connection),
    externalStays: createExternalStays(connection),
    wouldHave: createWouldHave(connection),
    payouts: createPayouts(connection),
    transaction: connection.transaction,
    checkpoint: () => void connection.pragma("wal_checkpoint(TRUNCATE)"),
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      connection.close();
      released();
    },
  };
}
