import type { Watts } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { BenchmarkBasis, GpuUuid, RateKind } from "./rows.ts";

/** The measured rate of one GPU on one workload, in `unit` (`H/s`, `tok/s`). */
export interface BenchmarkRow {
  readonly gpu: GpuUuid;
  /** The workload in words that stay the same: algorithm and miner, or model and engine. */
  readonly label: string;
  /** Requests answered at once while measured; 0 where that was not counted, as with every coin. */
  readonly concurrency: number;
  readonly rate: number;
  readonly unit: string;
  /** While measured; undefined where power could not be read. */
  readonly power: Watts | undefined;
  readonly samples: number;
  readonly basis: BenchmarkBasis;
  /** Of a hashrate; undefined for other rates, and where nobody told. */
  readonly rateKind: RateKind | undefined;
  readonly at: UnixMs;
}

type Written = Omit<BenchmarkRow, "power" | "concurrency" | "basis" | "rateKind"> & {
  readonly power?: Watts | undefined;
  /** 0 when absent. */
  readonly concurrency?: number;
  /** `watched` when absent. */
  readonly basis?: BenchmarkBasis;
  readonly rateKind?: RateKind | undefined;
};

export interface BenchmarkReads {
  get(gpu: GpuUuid, label: string): BenchmarkRow | undefined;
  list(): readonly BenchmarkRow[];
}

/** The newest benchmark per GPU, workload and number of requests at once. */
export interface Benchmarks extends BenchmarkReads {
  upsert(row: Written): void;
}

const UPSERT = `
INSERT INTO benchmarks (gpu_uuid, label, concurrency, rate, unit, power_w, samples, basis, rate_kind, measured_ms)
VALUES (@gpu, @label, @concurrency, @rate, @unit, @power, @samples, @basis, @rateKind, @at)
ON CONFLICT (gpu_uuid, label, concurrency) DO UPDATE SET rate = @rate, unit = @unit, power_w = @power,
  samples = @samples, basis = @basis, rate_kind = @rateKind, measured_ms = @at`;
const SELECT = `
SELECT gpu_uuid AS gpu, label, concurrency, rate, unit, power_w AS power, samples, basis, rate_kind AS rateKind,
  measured_ms AS at
FROM benchmarks`;

export function createBenchmarks(connection: Connection): Benchmarks {
  const upsert = connection.prepare(UPSERT);
  const get = connection.prepare<Nullable<BenchmarkRow>>(
    `${SELECT} WHERE gpu_uuid = @gpu AND label = @label AND concurrency = 0`,
  );
  const list = connection.prepare<Nullable<BenchmarkRow>>(`${SELECT} ORDER BY gpu_uuid, label, concurrency`);
  return {
    upsert: ({ power, rateKind, ...row }) =>
      void upsert.run({ concurrency: 0, basis: "watched", ...row, power: orNull(power), rateKind: orNull(rateKind) }),
    get: (gpu, label) => {
      const row = get.get({ gpu, label });
      return row === undefined ? undefined : fromRow<BenchmarkRow>(row);
    },
    list: () => list.all().map((row) => fromRow<BenchmarkRow>(row)),
  };
}
