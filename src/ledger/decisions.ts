import type { Connection } from "./connection.ts";
import type { DecisionRow, GpuUuid } from "./rows.ts";

export interface RecordedDecision extends DecisionRow {
  readonly id: number;
}

export interface DecisionReads {
  /** Newest first. */
  list(limit: number): readonly RecordedDecision[];
  last(gpu: GpuUuid): RecordedDecision | undefined;
}

/** Every decision with what it was taken on. */
export interface Decisions extends DecisionReads {
  append(decision: DecisionRow): number;
}

const APPEND = `
INSERT INTO decisions (gpu_uuid, at_ms, mode, action, from_workload, to_workload, rule, why, inputs_json)
VALUES (@gpu, @at, @mode, @action, @from, @to, @rule, @why, @inputs)`;
const SELECT = `
SELECT decision_id AS id, gpu_uuid AS gpu, at_ms AS at, mode, action, from_workload AS "from", to_workload AS "to",
  rule, why, inputs_json AS inputs
FROM v_decisions`;

export function createDecisions(connection: Connection): Decisions {
  const append = connection.prepare(APPEND);
  const list = connection.prepare<RecordedDecision>(`${SELECT} ORDER BY decision_id DESC LIMIT @limit`);
  const last = connection.prepare<RecordedDecision>(
    `${SELECT} WHERE gpu_uuid = @gpu ORDER BY decision_id DESC LIMIT 1`,
  );
  return {
    append: (decision) => append.run({ ...decision }).id,
    list: (limit) => list.all({ limit }),
    last: (gpu) => last.get({ gpu }),
  };
}
