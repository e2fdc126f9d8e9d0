import type { Readable } from "node:stream";
import Docker from "dockerode";
import type { Clock } from "../../lib/clock.ts";
import { isRigError, messageOf, systemCodeOf, toPrintable } from "../../lib/errors.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { ContainerError } from "../errors.ts";
import { type EngineVersion, negotiate } from "./api-version.ts";

/** The longest that a call may take before the Engine counts as hanging. */
export interface EngineTimeouts {
  readonly read: Millis;
  /** Creating, pausing, signalling, removing. */
  readonly change: Millis;
  /** Starting, which runs the GPU driver's hooks. */
  readonly start: Millis;
}

const TIMEOUTS: EngineTimeouts = { read: seconds(5), change: seconds(15), start: seconds(60) };

export interface EngineCall {
  /** For the fault's message: "the Docker Engine cannot <what>". */
  readonly what: string;
  readonly timeout: Millis;
  readonly signal: AbortSignal;
}

/** An open answer; `close` ends the request behind it. */
export interface EngineStream {
  readonly stream: Readable;
  close(): void;
}

interface Connection {
  readonly docker: Docker;
  readonly version: EngineVersion;
}

type Work<T> = (docker: Docker, signal: AbortSignal) => Promise<T>;

const EXPIRED = Symbol("expired");

/** dockerode takes a signal in every call, which its types do not say of some. */
export const withSignal = <T extends object>(options: T, abortSignal: AbortSignal): T => ({ ...options, abortSignal });

/** The same for methods whose types take no options at all. */
export const callWithSignal = (target: object, method: () => unknown, abortSignal: AbortSignal): Promise<unknown> =>
  Reflect.apply(method, target, [{ abortSignal }]) as Promise<unknown>;

/** One Docker Engine. Every call through it ends: with an answer, a typed fault, or its caller's abort. */
export class Engine {
  readonly timeouts: EngineTimeouts;
  readonly #address: () => Docker.DockerOptions;
  readonly #clock: Clock;
  #connection: Connection | undefined;

  constructor(address: () => Docker.DockerOptions, clock: Clock, timeouts: EngineTimeouts = TIMEOUTS) {
    this.#address = address;
    this.#clock = clock;
    this.timeouts = timeouts;
  }

  /** What was negotiated with the Engine that answers now. */
  async version(signal: AbortSignal): Promise<EngineVersion> {
    return await this.read("tell its version", signal, (_docker, _signal) => Promise.resolve(this.#negotiated()));
  }

  /** A call that changes nothing. */
  read<T>(what: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    return this.call({ what, timeout: this.timeouts.read, signal }, work);
  }

  change<T>(what: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    return this.call({ what, timeout: this.timeouts.change, signal }, work);
  }

  async call<T>({ what, timeout, signal }: EngineCall, work: Work<T>): Promise<T> {
    const over = new AbortController();
    try {
      return await this.#inTime({ what, timeout, signal }, work, over);
    } finally {
      over.abort();
    }
  }

  /** Like `read`, but the answer stays open until `signal` fires or it is closed. */
  async open(what: string, signal: AbortSignal, work: Work<NodeJS.ReadableStream>): Promise<EngineStream> {
    const over = new AbortController();
    try {
      const stream = (await this.#inTime({ what, timeout: this.timeouts.read, signal }, work, over)) as Readable;
      // The end of a stream is told by its end; an abort comes as an error that nobody needs.
      stream.on("error", () => {});
      const close = () => {
        over.abort();
        stream.destroy();
      };
      return { stream, close };
    } catch (error) {
      over.abort();
      throw error;
    }
  }

  async #inTime<T>(call: EngineCall, work: Work<T>, over: AbortController): Promise<T> {
    const { what, timeout, signal } = call;
    signal.throwIfAborted();
    const stop = AbortSignal.any([signal, over.signal]);
    const timer = new AbortController();
    const late = this.#clock.wait(timeout, AbortSignal.any([signal, timer.signal])).then((): typeof EXPIRED => EXPIRED);
    const answer = this.#connect(stop).then(({ docker }) => work(docker, stop));
    try {
      const first = await Promise.race([answer, late]);
      if (first !== EXPIRED) return first;
      // Whatever it says from now on is too late for anyone.
      answer.catch(() => {});
      throw timedOut(what, timeout);
    } catch (error) {
      signal.throwIfAborted();
      const fault = toFault(error, what);
      // An Engine that comes back may be another one, with another version.
      if (LOST.has(fault.facts.code)) this.#connection = undefined;
      throw fault;
    } finally {
      timer.abort();
    }
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const address = this.#address();
    const unversioned = new Docker(address);
    const version = negotiate(await callWithSignal(unversioned, unversioned.version, signal));
    const docker = new Docker({ ...address, version: `v${version.api}` });
    this.#connection = { docker, version };
    return this.#connection;
  }

  #negotiated(): EngineVersion {
    if (this.#connection === undefined) throw unreachable("nothing was negotiated");
    return this.#connection.version;
  }
}

const LOST: ReadonlySet<string> = new Set(["ERR_DOCKER_UNREACHABLE", "ERR_DOCKER_TIMEOUT", "ERR_DOCKER_PERMISSION"]);
const LONGEST_MESSAGE = 500;

const timedOut = (what: string, timeout: Millis): ContainerError =>
  new ContainerError(`the Docker Engine did not ${what} within ${timeout / 1000} s`, {
    code: "ERR_DOCKER_TIMEOUT",
    mend: "look for a hanging dockerd or GPU driver; a restart of the Docker Engine usually helps",
    retryable: true,
  });

const unreachable = (why: string, cause?: unknown): ContainerError =>
  new ContainerError(
    `the Docker Engine does not answer: ${why}`,
    { code: "ERR_DOCKER_UNREACHABLE", mend: "start the Docker Engine, or correct DOCKER_HOST", retryable: true },
    { cause },
  );

function toFault(error: unknown, what: string): ContainerError {
  if (error instanceof ContainerError) return error;
  if (isRigError(error)) throw error;
  const status = statusOf(error);
  if (status !== undefined) return refused(error, what, status);
  const code = systemCodeOf(error);
  if (code === "EACCES" || code === "EPERM") {
    const mend = "run the agent as root, or add its user to the group docker";
    const facts = { code: "ERR_DOCKER_PERMISSION", mend, retryable: false } as const;
    return new ContainerError("the Docker Engine's socket may not be used", facts, { cause: error });
  }
  return unreachable(toPrintable(messageOf(error)).slice(0, LONGEST_MESSAGE), error);
}

function refused(error: unknown, what: string, status: number): ContainerError {
  const said = toPrintable(messageOf(error)).trim().slice(0, LONGEST_MESSAGE);
  const facts = { code: "ERR_DOCKER_REFUSED", status, retryable: status >= 500 } as const;
  return new ContainerError(`the Docker Engine cannot ${what}: ${said}`, facts, { cause: error });
}

/** The HTTP status in an error of dockerode. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** Whether the Engine refused with one of these HTTP statuses. */
export const wasRefusedWith = (error: unknown, ...statuses: readonly number[]): error is ContainerError =>
  error instanceof ContainerError && error.facts.status !== undefined && statuses.includes(error.facts.status);
