import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { DecisionRow, GpuUuid } from "./rows.ts";

export interface RecordedDecision extends DecisionRow {
  readonly id: number;
}

export interface DecisionReads {
  /** Newest first. */
  list(limit: number): readonly RecordedDecision[];
  last(gpu: GpuUuid): RecordedDecision | undefined;
  /** The one in force at `at`: a decision that stays the same is one row, with what it was first taken on. */
  inForce(gpu: GpuUuid, at: UnixMs): RecordedDecision | undefined;
  /** Of every GPU that ever had a decision. */
  gpus(): readonly GpuUuid[];
}

/** Every decision with what it was taken on. */
export interface Decisions extends DecisionReads {
  append(decision: DecisionRow): number;
  /** Empties `inputs` of up to `limit` decisions from before `before`; what was decided and why stays. Returns how many. */
  forgetInputs(before: UnixMs, limit: number): number;
}

const APPEND = `
INSERT INTO decisions (gpu_uuid, at_ms, mode, action, from_workload, from_name, to_workload, to_name, rule, why, inputs_json)
VALUES (@gpu, @at, @mode, @action, @from, @fromName, @to, @toName, @rule, @why, @inputs)`;
const FORGOTTEN = "{}";
const OLD = `
SELECT decision_id FROM decisions WHERE inputs_json <> '${FORGOTTEN}' AND decision_id < coalesce(
  (SELECT decision_id FROM decisions WHERE at_ms >= @before ORDER BY decision_id LIMIT 1), 9223372036854775807)
ORDER BY decision_id LIMIT @limit`;
const RESTORE = `
INSERT INTO decisions (decision_id, gpu_uuid, at_ms, mode, action, from_workload, from_name, to_workload, to_name, rule, why,
  inputs_json)
VALUES (@id, @gpu, @at, @mode, @action, @from, @fromName, @to, @toName, @rule, @why, '${FORGOTTEN}')`;
const SELECT = `
SELECT decision_id AS id, gpu_uuid AS gpu, at_ms AS at, mode, action, from_workload AS "from", from_name AS fromName,
  to_workload AS "to", to_name AS toName, rule, why, inputs_json AS inputs
FROM v_decisions`;

/** From one GPU to the next along the index: a rig has few GPUs and many decisions. */
const GPUS = `
WITH RECURSIVE found(gpu) AS (
  SELECT min(gpu_uuid) FROM decisions
  UNION ALL
  SELECT (SELECT min(gpu_uuid) FROM decisions WHERE gpu_uuid > found.gpu) FROM found WHERE found.gpu IS NOT NULL
) SELECT gpu FROM found WHERE gpu IS NOT NULL`;

export function createDecisions(connection: Connection): Decisions {
  const append = connection.prepare(APPEND);
  const old = connection.prepare<Nullable<RecordedDecision>>(
    `${SELECT} WHERE decision_id IN (${OLD}) ORDER BY decision_id`,
  );
  const remove = connection.prepare(`DELETE FROM decisions WHERE decision_id IN (${OLD})`);
  const restore = connection.prepare(RESTORE);
  const list = connection.prepare<Nullable<RecordedDecision>>(`${SELECT} ORDER BY decision_id DESC LIMIT @limit`);
  const last = connection.prepare<Nullable<RecordedDecision>>(
    `${SELECT} WHERE gpu_uuid = @gpu ORDER BY decision_id DESC LIMIT 1`,
  );
  const inForce = connection.prepare<Nullable<RecordedDecision>>(
    `${SELECT} WHERE gpu_uuid = @gpu AND at_ms <= @at ORDER BY decision_id DESC LIMIT 1`,
  );
  const gpus = connection.prepare<{ gpu: GpuUuid }>(GPUS);
  return {
    append: ({ fromName, toName, ...decision }) =>
      append.run({ ...decision, fromName: orNull(fromName), toName: orNull(toName) }).id,
    forgetInputs: (before, limit) =>
      connection.transaction(() => {
        const rows = old.all({ before, limit });
        // Deleted and written anew: a row that only shrinks leaves its page half empty for ever.
        remove.run({ before, limit });
        for (const { inputs: _, ...row } of rows) restore.run(row);
        return rows.length;
      }),
    list: (limit) => list.all({ limit }).map(toDecision),
    last: (gpu) => optional(last.get({ gpu })),
    inForce: (gpu, at) => optional(inForce.get({ gpu, at })),
    gpus: () => gpus.all({}).map(({ gpu }) => gpu),
  };
}

const toDecision = (row: Nullable<RecordedDecision>): RecordedDecision => fromRow<RecordedDecision>(row);
const optional = (row: Nullable<RecordedDecision> | undefined) => row && toDecision(row);
