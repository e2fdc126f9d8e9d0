import type { Watts } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";
import type { GpuUuid, PowerLevel } from "./rows.ts";

/** The power of one GPU at one level of activity. */
export interface BaselineRow {
  readonly gpu: GpuUuid;
  readonly level: PowerLevel;
  readonly power: Watts;
  readonly at: UnixMs;
}

export interface BaselineReads {
  of(gpu: GpuUuid): readonly BaselineRow[];
}

/** The newest baseline per GPU and level. */
export interface Baselines extends BaselineReads {
  upsert(row: BaselineRow): void;
}

const UPSERT = `
INSERT INTO gpu_baselines (gpu_uuid, level, power_w, measured_ms) VALUES (@gpu, @level, @power, @at)
ON CONFLICT (gpu_uuid, level) DO UPDATE SET power_w = @power, measured_ms = @at`;
const OF = `
SELECT gpu_uuid AS gpu, level, power_w AS power, measured_ms AS at FROM gpu_baselines
WHERE gpu_uuid = @gpu ORDER BY level`;

export function createBaselines(connection: Connection): Baselines {
  const upsert = connection.prepare(UPSERT);
  const of = connection.prepare<BaselineRow>(OF);
  return { upsert: (row) => void upsert.run({ ...row }), of: (gpu) => of.all({ gpu }) };
}
