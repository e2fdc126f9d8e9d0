import type { Watts } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** The measured rate of one GPU on one workload, in `unit` (`H/s`, `tok/s`). */
export interface BenchmarkRow {
  readonly gpu: GpuUuid;
  /** The workload in words that stay the same: algorithm and miner, or model and engine. */
  readonly label: string;
  readonly rate: number;
  readonly unit: string;
  /** While measured; undefined where power could not be read. */
  readonly power: Watts | undefined;
  readonly samples: number;
  readonly at: UnixMs;
}

export interface BenchmarkReads {
  get(gpu: GpuUuid, label: string): BenchmarkRow | undefined;
  list(): readonly BenchmarkRow[];
}

/** The newest benchmark per GPU and workload. */
export interface Benchmarks extends BenchmarkReads {
  upsert(row: Omit<BenchmarkRow, "power"> & { readonly power?: Watts | undefined }): void;
}

const UPSERT = `
INSERT INTO benchmarks (gpu_uuid, label, rate, unit, power_w, samples, measured_ms)
VALUES (@gpu, @label, @rate, @unit, @power, @samples, @at)
ON CONFLICT (gpu_uuid, label) DO UPDATE SET rate = @rate, unit = @unit, power_w = @power, samples = @samples,
  measured_ms = @at`;
const SELECT = `
SELECT gpu_uuid AS gpu, label, rate, unit, power_w AS power, samples, measured_ms AS at FROM benchmarks`;

export function createBenchmarks(connection: Connection): Benchmarks {
  const upsert = connection.prepare(UPSERT);
  const get = connection.prepare<Nullable<BenchmarkRow>>(`${SELECT} WHERE gpu_uuid = @gpu AND label = @label`);
  const list = connection.prepare<Nullable<BenchmarkRow>>(`${SELECT} ORDER BY gpu_uuid, label`);
  return {
    upsert: (row) => void upsert.run({ ...row, power: orNull(row.power) }),
    get: (gpu, label) => {
      const row = get.get({ gpu, label });
      return row === undefined ? undefined : fromRow<BenchmarkRow>(row);
    },
    list: () => list.all().map((row) => fromRow<BenchmarkRow>(row)),
  };
}
