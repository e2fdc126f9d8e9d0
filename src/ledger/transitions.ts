import type { MilliJoules } from "../units/energy.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid, Rung, TransitionEnd, TransitionRow, Workload } from "./rows.ts";

export interface RecordedTransition extends TransitionRow {
  readonly id: number;
  /** Undefined while it runs, like everything below. */
  readonly ended: UnixMs | undefined;
  readonly duration: Millis | undefined;
  readonly outcome: TransitionEnd["outcome"] | undefined;
  readonly energy: MilliJoules | undefined;
  readonly detail: string | undefined;
  /** The driver's error number, where one was reported meanwhile. */
  readonly xid: number | undefined;
  readonly vramBeforeMiB: number | undefined;
  readonly vramAfterMiB: number | undefined;
}

export interface TransitionRoute {
  readonly from: Workload;
  readonly to: Workload;
  readonly rung: Rung;
  /** Only this GPU's; every GPU's when absent. */
  readonly gpu?: GpuUuid;
  /** Only that from or to the work of this name; failed attempts count, because they take their time too. */
  readonly external?: string;
}

/** What one switch took. */
export interface SwitchSample {
  readonly gpu: GpuUuid;
  readonly duration: Millis;
  readonly energy: MilliJoules | undefined;
  readonly ended: UnixMs;
}

export interface TransitionReads {
  /** Newest first. */
  list(limit: number): readonly RecordedTransition[];
  /** The newest of this GPU's, ended or not. */
  latest(gpu: GpuUuid): RecordedTransition | undefined;
  /**
   * The last `count` completed switches of this route, newest first; of external work the failed ones too. Spans that a
   * clock jump made negative are left out.
   */
  costs(route: TransitionRoute, count: number): readonly SwitchSample[];
}

/** Every hand-over of a GPU, recorded before it is tried. */
export interface Transitions extends TransitionReads {
  /** Returns the id to end it with. */
  start(transition: TransitionRow): number;
  /** The first end wins; `false` when it had ended before. */
  end(id: number, end: TransitionEnd): boolean;
  /** Ends what a killed agent left open as `aborted`; returns the ids. */
  closeOpen(at: UnixMs, detail: string): readonly number[];
}

const START = `
INSERT INTO transitions (gpu_uuid, from_workload, from_name, to_workload, to_name, rung, reason, started_ms)
VALUES (@gpu, @from, @fromName, @to, @toName, @rung, @reason, @started)`;
const END = `
UPDATE transitions SET rung = coalesce(@rung, rung), ended_ms = @ended, outcome = @outcome, energy_mj = @energy, vram_before_mib = @vramBefore,
  vram_after_mib = @vramAfter, xid = @xid, detail = @detail
WHERE transition_id = @id AND ended_ms IS NULL`;
const CLOSE_OPEN = `
UPDATE transitions SET ended_ms = @at, outcome = 'aborted', detail = @detail
WHERE ended_ms IS NULL RETURNING transition_id AS id`;
const SELECT = `
SELECT transition_id AS id, gpu_uuid AS gpu, from_workload AS "from", from_name AS fromName, to_workload AS "to",
  to_name AS toName, rung, reason, started_ms AS started, ended_ms AS ended, duration_ms AS duration, outcome,
  energy_mj AS energy, detail,
  xid, vram_before_mib AS vramBeforeMiB, vram_after_mib AS vramAfterMiB
FROM v_transitions`;
const LIST = `${SELECT} ORDER BY transition_id DESC LIMIT @limit`;
const LATEST = `${SELECT} WHERE gpu_uuid = @gpu ORDER BY transition_id DESC LIMIT 1`;
const COSTS = `
SELECT gpu_uuid AS gpu, ended_ms - started_ms AS duration, energy_mj AS energy, ended_ms AS ended FROM transitions
WHERE from_workload = @from AND to_workload = @to AND rung = @rung AND ended_ms >= started_ms
  AND (outcome = 'completed' OR (@external IS NOT NULL AND outcome = 'failed'))
  AND (@external IS NULL OR @external = CASE @to WHEN 'external' THEN to_name ELSE from_name END)
  AND (@gpu IS NULL OR gpu_uuid = @gpu)
ORDER BY transition_id DESC LIMIT @count`;

export function createTransitions(connection: Connection): Transitions {
  const start = connection.prepare(START);
  const end = connection.prepare(END);
  const closeOpen = connection.prepare<{ id: number }>(CLOSE_OPEN);
  const list = connection.prepare<Nullable<RecordedTransition>>(LIST);
  const latest = connection.prepare<Nullable<RecordedTransition>>(LATEST);
  const costs = connection.prepare<Nullable<SwitchSample>>(COSTS);
  return {
    start: ({ fromName, toName, ...transition }) =>
      start.run({ ...transition, fromName: orNull(fromName), toName: orNull(toName) }).id,
    end: (id, { rung, ended, outcome, energy, vramBeforeMiB, vramAfterMiB, xid, detail }) => {
      const vram = { vramBefore: orNull(vramBeforeMiB), vramAfter: orNull(vramAfterMiB) };
      const facts = {
        rung: orNull(rung),
        ended,
        outcome,
        energy: orNull(energy),
        ...vram,
        xid: orNull(xid),
        detail: orNull(detail),
      };
      return end.run({ id, ...facts }).changes > 0;
    },
    closeOpen: (at, detail) => closeOpen.all({ at, detail }).map(({ id }) => id),
    list: (limit) => list.all({ limit }).map((row) => fromRow<RecordedTransition>(row)),
    latest: (gpu) => latest.all({ gpu }).map((row) => fromRow<RecordedTransition>(row))[0],
    costs: ({ from, to, rung, gpu, external }, count) =>
      costs
        .all({ from, to, rung, gpu: orNull(gpu), external: orNull(external), count })
        .map((row) => fromRow<SwitchSample>(row)),
  };
}
