import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { InferenceState } from "./rows.ts";

export interface JobState {
  readonly state: InferenceState;
  readonly at: UnixMs;
  readonly reason: string | undefined;
}

/** The path of one InferenceJob through its states; it may begin before the job has a GPU. */
export interface JobStates {
  appendState(jobId: string, state: InferenceState, at: UnixMs, reason?: string): void;
  /** Oldest first. */
  listStates(jobId: string): readonly JobState[];
}

const APPEND = "INSERT INTO job_states (job_id, state, at_ms, reason) VALUES (@jobId, @state, @at, @reason)";
const LIST = "SELECT state, at_ms AS at, reason FROM job_states WHERE job_id = @jobId ORDER BY job_state_id";

export function createJobStates(connection: Connection): JobStates {
  const append = connection.prepare(APPEND);
  const list = connection.prepare<Nullable<JobState>>(LIST);
  return {
    appendState: (jobId, state, at, reason) => void append.run({ jobId, state, at, reason: orNull(reason) }),
    listStates: (jobId) => list.all({ jobId }).map((row) => fromRow<JobState>(row)),
  };
}
