import type Docker from "dockerode";
import { z } from "zod";
import { type Millis, seconds } from "../../units/time.ts";
import { ContainerError } from "../errors.ts";
import { type Engine, wasRefusedWith } from "./engine.ts";
import { containerName, LABEL, type Labels, readLabels } from "./labels.ts";

/** One of our containers as the Engine has it now. */
export interface Found extends Labels {
  readonly id: string;
  readonly image: string;
  readonly state: "created" | "running" | "paused" | "exited" | "removing" | "other";
  /** As the Engine writes it, with nanoseconds. */
  readonly startedAt: string;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  readonly error: string;
  /** On this machine; 0 when nothing runs. */
  readonly pid: number;
  readonly health: string | undefined;
  /** From the polite signal to the kill, as it was created with. */
  readonly stopTimeout: Millis;
  /** Its address on the first network that gave it one. */
  readonly address: string | undefined;
}

const text = z.string().max(4096);
const labels = z.record(z.string(), z.string()).nullish();

const schema = z.looseObject({
  Id: text,
  Name: text,
  Image: text,
  State: z.looseObject({
    Status: text,
    StartedAt: text.catch(""),
    ExitCode: z.int().catch(0),
    OOMKilled: z.boolean().catch(false),
    Error: text.catch(""),
    Pid: z.int().catch(0),
    Health: z.looseObject({ Status: text }).nullish().catch(undefined),
  }),
  Config: z.looseObject({ Labels: labels, StopTimeout: z.int().nullish().catch(undefined) }),
  NetworkSettings: z
    .looseObject({ Networks: z.record(z.string(), z.looseObject({ IPAddress: text.catch("") })).catch({}) })
    .catch({ Networks: {} }),
});

const listSchema = z.array(z.looseObject({ Names: z.array(text).nullish(), Labels: labels }));

const USUAL_STOP = seconds(10);

/** The containers of one rig. Whatever does not carry our labels and our name is neither returned nor touched. */
export class Containers {
  readonly #engine: Engine;
  readonly #rig: string;

  constructor(engine: Engine, rig: string) {
    this.#engine = engine;
    this.#rig = rig;
  }

  /** Throws `ERR_CONTAINER_NAME` where a stranger's container has the name that this work's would have. */
  async find(work: string, signal: AbortSignal): Promise<Found | undefined> {
    const name = containerName(this.#rig, work);
    const answer = await this.#inspect(name, signal);
    if (answer === undefined) return undefined;
    const found = toFound(this.#rig, answer);
    if (found?.name === work) return found;
    throw new ContainerError(`a container named ${name} is not this rig's`, {
      code: "ERR_CONTAINER_NAME",
      mend: `remove it: docker rm ${name}`,
      retryable: false,
    });
  }

  /** The names of the work that has a container, running or not. */
  async names(signal: AbortSignal): Promise<readonly string[]> {
    const filters = { label: [`${LABEL.rig}=${this.#rig}`] };
    const answer = await this.#engine.read("list the containers", signal, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    );
    return parsed(listSchema, answer).flatMap(({ Names, Labels }) => {
      const ours = readLabels(this.#rig, Labels ?? {});
      return ours && Names?.includes(`/${containerName(this.#rig, ours.name)}`) ? [ours.name] : [];
    });
  }

  async create(body: Docker.ContainerCreateOptions, signal: AbortSignal): Promise<string> {
    const created = await this.#engine.change("create the container", signal, (docker, abortSignal) =>
      docker.createContainer({ ...body, abortSignal }),
    );
    return created.id;
  }

  async start(id: string, signal: AbortSignal): Promise<void> {
    const { timeouts } = this.#engine;
    const call = { what: "start the container", timeout: timeouts.start, signal };
    await this.#engine.call(call, (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }));
  }

  /** The polite signal, then the kill; a frozen container is thawed by the Engine after the signal. */
  async stop({ id, stopTimeout }: Found, signal: AbortSignal): Promise<void> {
    const timeout = (stopTimeout + this.#engine.timeouts.change) as Millis;
    const t = Math.ceil(stopTimeout / 1000);
    await unlessGone(
      this.#engine.call({ what: "stop the container", timeout, signal }, (docker, abortSignal) =>
        docker.getContainer(id).stop({ t, abortSignal }),
      ),
    );
  }

  async kill(id: string, signal: AbortSignal): Promise<void> {
    await unlessGone(
      this.#engine.change("kill the container", signal, (docker, abortSignal) =>
        docker.getContainer(id).kill({ signal: "SIGKILL", abortSignal }),
      ),
    );
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await unlessGone(
      this.#engine.change("remove the container", signal, (docker, abortSignal) =>
        docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      ),
    );
  }

  async pause(id: string, signal: AbortSignal): Promise<void> {
    await this.#engine.change("pause the container", signal, (docker, abortSignal) =>
      docker.getContainer(id).pause({ abortSignal }),
    );
  }

  async unpause(id: string, signal: AbortSignal): Promise<void> {
    await this.#engine.change("resume the container", signal, (docker, abortSignal) =>
      docker.getContainer(id).unpause({ abortSignal }),
    );
  }

  async #inspect(name: string, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#engine.read("describe a container", signal, (docker, abortSignal) =>
        docker.getContainer(name).inspect({ abortSignal }),
      );
    } catch (error) {
      if (wasRefusedWith(error, 404)) return undefined;
      throw error;
    }
  }
}

function toFound(rig: string, answer: unknown): Found | undefined {
  const { Id, Name, Image, State, Config, NetworkSettings } = parsed(schema, answer);
  const ours = readLabels(rig, Config.Labels ?? {});
  if (ours === undefined || Name !== `/${containerName(rig, ours.name)}`) return undefined;
  const [address] = Object.values(NetworkSettings.Networks).flatMap(({ IPAddress }) => (IPAddress ? [IPAddress] : []));
  return {
    ...ours,
    id: Id,
    image: Image,
    state: stateOf(State.Status),
    startedAt: State.StartedAt,
    exitCode: State.ExitCode,
    outOfMemory: State.OOMKilled,
    error: State.Error,
    pid: State.Pid,
    health: State.Health?.Status,
    stopTimeout: Config.StopTimeout == null ? USUAL_STOP : seconds(Config.StopTimeout),
    address,
  };
}

function stateOf(status: string): Found["state"] {
  switch (status) {
    case "created":
    case "running":
    case "paused":
    case "exited":
    case "removing":
      return status;
    default:
      return "other";
  }
}

/** Throws `ERR_DOCKER_ANSWER` for an answer that no Docker Engine gives. */
export function parsed<T>(wanted: z.ZodType<T>, answer: unknown): T {
  const result = wanted.safeParse(answer);
  if (result.success) return result.data;
  throw new ContainerError(`the Docker Engine's answer has no usable ${result.error.issues[0]?.path.join(".")}`, {
    code: "ERR_DOCKER_ANSWER",
    mend: "check that the address leads to a Docker Engine",
    retryable: true,
  });
}

/** 404 is gone, 409 is not running or already being removed: both are what was wanted. */
async function unlessGone(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!wasRefusedWith(error, 404, 409, 304)) throw error;
  }
}
