import type { MilliJoules } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** A GPU that gets no work before it was reset. */
export interface GpuHoldRow {
  /** The driver's error that asks for it. */
  readonly xid: number;
  readonly since: UnixMs;
  /** Names the machine's boot and the load of the driver in which it was reported. */
  readonly driverLoad: string;
  /** The hardware's counter when it was last read before; undefined where there is none. */
  readonly energy: MilliJoules | undefined;
}

export interface GpuHoldReads {
  of(gpu: GpuUuid): GpuHoldRow | undefined;
}

export interface GpuHolds extends GpuHoldReads {
  /** The first one counts until it is released. */
  hold(gpu: GpuUuid, row: GpuHoldRow): void;
  release(gpu: GpuUuid): void;
}

const HOLD = `
INSERT OR IGNORE INTO gpu_holds (gpu_uuid, xid, since_ms, driver_load, energy_mj)
VALUES (@gpu, @xid, @since, @driverLoad, @energy)`;
const RELEASE = "DELETE FROM gpu_holds WHERE gpu_uuid = @gpu";
const OF = `
SELECT xid, since_ms AS since, driver_load AS driverLoad, energy_mj AS energy FROM gpu_holds WHERE gpu_uuid = @gpu`;

export function createGpuHolds(connection: Connection): GpuHolds {
  const hold = connection.prepare(HOLD);
  const release = connection.prepare(RELEASE);
  const of = connection.prepare<Nullable<GpuHoldRow>>(OF);
  return {
    hold: (gpu, row) => void hold.run({ gpu, ...row, energy: orNull(row.energy) }),
    release: (gpu) => void release.run({ gpu }),
    of: (gpu) => {
      const row = of.get({ gpu });
      return row === undefined ? undefined : fromRow<GpuHoldRow>(row);
    },
  };
}
