import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid, Mode } from "./rows.ts";

/** One order of the operator. */
export interface ModeRow {
  readonly mode: Mode;
  /** Undefined for the whole rig. */
  readonly gpu: GpuUuid | undefined;
  /** Undefined for good; afterwards the order given before it holds again. */
  readonly until: UnixMs | undefined;
  readonly at: UnixMs;
  /** Who gave it: `cli`, `http`, `config`, … */
  readonly by: string;
}

export interface ModeOrder {
  readonly mode: Mode;
  readonly gpu?: GpuUuid | undefined;
  readonly until?: UnixMs | undefined;
  readonly at: UnixMs;
  readonly by: string;
}

export interface ModeReads {
  /**
   * The newest order still in force at `at`: for `gpu` those of the rig and its own, else only those of the rig.
   * Undefined when nobody ever gave one.
   */
  current(at: UnixMs, gpu?: GpuUuid): ModeRow | undefined;
}

export interface Modes extends ModeReads {
  appendMode(order: ModeOrder): void;
}

const APPEND = "INSERT INTO modes (mode, gpu_uuid, at_ms, until_ms, by) VALUES (@mode, @gpu, @at, @until, @by)";
// The order of writing decides, not `at_ms`: a clock set back must not revive an old order.
const CURRENT = `
SELECT mode, gpu_uuid AS gpu, until_ms AS until, at_ms AS at, by FROM modes
WHERE (gpu_uuid IS NULL OR gpu_uuid = @gpu) AND (until_ms IS NULL OR until_ms > @at)
ORDER BY mode_id DESC LIMIT 1`;

export function createModes(connection: Connection): Modes {
  const append = connection.prepare(APPEND);
  const current = connection.prepare<Nullable<ModeRow>>(CURRENT);
  return {
    appendMode: ({ mode, gpu, until, at, by }) =>
      void append.run({ mode, gpu: orNull(gpu), until: orNull(until), at, by }),
    current: (at, gpu) => {
      const row = current.get({ at, gpu: orNull(gpu) });
      return row === undefined ? undefined : fromRow<ModeRow>(row);
    },
  };
}
