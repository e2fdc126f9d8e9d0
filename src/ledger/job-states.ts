import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid, InferenceState } from "./rows.ts";

export interface JobState {
  readonly state: InferenceState;
  readonly at: UnixMs;
  readonly reason: string | undefined;
}

export interface LastExternal {
  readonly name: string;
  readonly gpu: GpuUuid;
  readonly state: InferenceState;
}

/** The path of one InferenceJob, or of an external workload, through its states; it may begin before the job has a GPU. */
export interface JobStates {
  appendState(jobId: string, state: InferenceState, at: UnixMs, reason?: string): void;
  /** Oldest first. */
  listStates(jobId: string): readonly JobState[];
  /** How the newest external job of each name and GPU stood when something was last said of it. */
  lastExternal(): readonly LastExternal[];
}

const APPEND = "INSERT INTO job_states (job_id, state, at_ms, reason) VALUES (@jobId, @state, @at, @reason)";
const LIST = "SELECT state, at_ms AS at, reason FROM job_states WHERE job_id = @jobId ORDER BY job_state_id";
const LAST_EXTERNAL = `
SELECT workload AS name, gpu_uuid AS gpu, state FROM (
  SELECT j.workload, g.gpu_uuid, j.started_ms, s.state, row_number() OVER (
    PARTITION BY j.workload, g.gpu_uuid ORDER BY j.started_ms DESC, s.job_state_id DESC) AS newest
  FROM jobs j JOIN job_gpus g USING (job_id) JOIN job_states s USING (job_id) WHERE j.kind = 'external')
WHERE newest = 1`;

export function createJobStates(connection: Connection): JobStates {
  const append = connection.prepare(APPEND);
  const list = connection.prepare<Nullable<JobState>>(LIST);
  const lastExternal = connection.prepare<LastExternal>(LAST_EXTERNAL);
  return {
    appendState: (jobId, state, at, reason) => void append.run({ jobId, state, at, reason: orNull(reason) }),
    listStates: (jobId) => list.all({ jobId }).map((row) => fromRow<JobState>(row)),
    lastExternal: () => lastExternal.all(),
  };
}
