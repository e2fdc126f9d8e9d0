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

/** What is wrong between us and the Docker Engine, or with what it was asked to run. */
export type ContainerFault =
  | "ERR_DOCKER_ADDRESS"
  | "ERR_DOCKER_UNREACHABLE"
  | "ERR_DOCKER_PERMISSION"
  | "ERR_DOCKER_TIMEOUT"
  | "ERR_DOCKER_VERSION"
  | "ERR_DOCKER_REFUSED"
  | "ERR_DOCKER_ANSWER"
  | "ERR_IMAGE_NOT_ALLOWED"
  | "ERR_IMAGE_MISSING"
  | "ERR_IMAGE_PULL"
  | "ERR_CONTAINER_SPEC"
  | "ERR_CONTAINER_NAME"
  | "ERR_CONTAINER_GPU"
  | "ERR_CONTAINER_START"
  | "ERR_CONTAINER_OOM"
  | "ERR_CONTAINER_NETWORK"
  | "ERR_CONTAINER_ABSENT";

interface ContainerFacts extends Facts {
  readonly code: ContainerFault;
  /** The Engine's HTTP status, where it gave one. */
  readonly status?: number;
}

export class ContainerError extends RigError<ContainerFacts> {}
