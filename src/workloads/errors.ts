import { type Facts, RigError } from "../lib/errors.ts";

/** Why a start failed; a child that names a code of its own in its last line is quoted instead. */
export type StartFault =
  | "ERR_WORK_SPAWN"
  | "ERR_WORK_UNRECORDED"
  | "ERR_WORK_ANNOUNCEMENT"
  | "ERR_WORK_START_TIMEOUT"
  | "ERR_WORK_REFUSED"
  | "ERR_WORK_EXITED"
  | "ERR_WORK_STUCK";

interface WorkFacts extends Facts {
  readonly code: "ERR_WORK_STUCK";
  readonly work: string;
  readonly pid: number;
}

export class WorkError extends RigError<WorkFacts> {}
