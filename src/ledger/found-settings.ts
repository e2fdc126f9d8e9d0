import type { Watts } from "../units/energy.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** How a GPU was set before a profile changed it. */
export interface FoundRow {
  /** Undefined where the GPU tells none. */
  readonly powerLimit: Watts | undefined;
  /** What was locked already, in MHz; 0 where nothing was, and absent where that is not told. */
  readonly graphicsLockMhz?: number | undefined;
  readonly memoryLockMhz?: number | undefined;
}

export interface FoundSettingReads {
  /** What is to be restored; undefined while nothing is changed. */
  of(gpu: GpuUuid): FoundRow | undefined;
  /** Every GPU that something is to be restored on, also one that is not in the rig any more. */
  list(): readonly (FoundRow & { readonly gpu: GpuUuid })[];
}

export interface FoundSettings extends FoundSettingReads {
  /** The first one counts until it is forgotten. */
  remember(gpu: GpuUuid, row: FoundRow): void;
  forget(gpu: GpuUuid): void;
}

const REMEMBER = `
INSERT OR IGNORE INTO found_settings (gpu_uuid, power_limit_w, graphics_lock_mhz, memory_lock_mhz)
VALUES (@gpu, @powerLimit, @graphics, @memory)`;
const FORGET = "DELETE FROM found_settings WHERE gpu_uuid = @gpu";
const OF = `
SELECT power_limit_w AS powerLimit, graphics_lock_mhz AS graphicsLockMhz, memory_lock_mhz AS memoryLockMhz
FROM found_settings WHERE gpu_uuid = @gpu`;

const LIST = `
SELECT gpu_uuid AS gpu, power_limit_w AS powerLimit, graphics_lock_mhz AS graphicsLockMhz,
  memory_lock_mhz AS memoryLockMhz
FROM found_settings ORDER BY gpu_uuid`;

export function createFoundSettings(connection: Connection): FoundSettings {
  const remember = connection.prepare(REMEMBER);
  const forget = connection.prepare(FORGET);
  const of = connection.prepare<Nullable<FoundRow>>(OF);
  const list = connection.prepare<Nullable<FoundRow & { gpu: GpuUuid }>>(LIST);
  return {
    remember: (gpu, { powerLimit, graphicsLockMhz, memoryLockMhz }) => {
      const locks = { graphics: orNull(graphicsLockMhz), memory: orNull(memoryLockMhz) };
      remember.run({ gpu, powerLimit: orNull(powerLimit), ...locks });
    },
    forget: (gpu) => void forget.run({ gpu }),
    list: () => list.all().map((row) => fromRow<FoundRow & { gpu: GpuUuid }>(row)),
    of: (gpu) => {
      const row = of.get({ gpu });
      return row === undefined ? undefined : fromRow<FoundRow>(row);
    },
  };
}
