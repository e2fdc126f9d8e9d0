import type Docker from "dockerode";
import type { Logger } from "../../lib/logger.ts";
import { ContainerError } from "../errors.ts";
import type { Containers, Found } from "./containers.ts";
import { socketFileOf, toCreateBody } from "./create-body.ts";
import { type Engine, wasRefusedWith } from "./engine.ts";
import type { EngineFacts } from "./engine-facts.ts";
import { checkImage, type ImagePolicy } from "./image-policy.ts";
import { ensureImage, type PullProgress } from "./images.ts";
import { LABEL } from "./labels.ts";
import { MINER_NETWORK, type MinerNetwork } from "./miner-network.ts";
import type { ContainerSpec } from "./part-schema.ts";
import type { SocketVolumes } from "./socket-volumes.ts";

export interface StarterParts {
  readonly engine: Engine;
  readonly containers: Containers;
  readonly sockets: SocketVolumes;
  readonly facts: EngineFacts;
  readonly network: MinerNetwork;
  readonly rig: string;
  readonly policy: ImagePolicy;
  readonly logger: Logger;
  readonly onPull: (progress: PullProgress) => void;
}

/** Brings the container of a spec to run, by the cheapest way that is left: as it is, thawed, started, or made anew. */
export class Starter {
  readonly #parts: StarterParts;

  constructor(parts: StarterParts) {
    this.#parts = parts;
  }

  /** `started` is false for a container that ran, or was frozen, already. */
  async ensureRunning(spec: ContainerSpec, signal: AbortSignal): Promise<{ readonly started: boolean }> {
    const { containers, facts, network, policy, rig } = this.#parts;
    checkImage(spec.container.image, policy);
    if (spec.container.profile === "operator") await network.ensure(signal);
    const { injection } = await facts.read(signal);
    const body = toCreateBody(spec, { rig, injection, minerNetwork: MINER_NETWORK });
    const found = await containers.find(spec.name, signal);
    if (found !== undefined && found.fingerprint === body.Labels?.[LABEL.spec]) {
      const ran = await this.#reuse(found, signal);
      if (ran !== undefined) return { started: !ran };
    }
    if (found !== undefined) await this.remove(spec.name, found, signal);
    await this.#createAndStart(spec, body, signal);
    return { started: true };
  }

  /** Stops it first where it runs. Its socket's folder goes with it, other volumes stay. */
  async remove(name: string, found: Found, signal: AbortSignal): Promise<void> {
    const { containers, sockets } = this.#parts;
    if (found.state === "running" || found.state === "paused") await containers.stop(found, signal);
    await containers.remove(found.id, signal);
    await sockets.remove(name, signal);
  }

  /** Whether it ran already; undefined when it cannot be used again. */
  async #reuse(found: Found, signal: AbortSignal): Promise<boolean | undefined> {
    const { containers, logger } = this.#parts;
    switch (found.state) {
      case "running":
        return true;
      case "paused":
        await containers.unpause(found.id, signal);
        return true;
      case "created":
      case "exited":
        try {
          await this.#start(found.id);
          return false;
        } catch (error) {
          if (!wasRefusedWith(error, 400, 404, 409, 500)) throw error;
          logger.warn("a stopped container does not start again and is made anew", { reason: error.message });
          return undefined;
        }
      case "removing":
      case "other":
        return undefined;
    }
  }

  /** Seen through even when nobody wants it any more: the Engine would start it all the same, and nobody would know. */
  async #start(id: string): Promise<void> {
    await this.#parts.containers.start(id, new AbortController().signal);
  }

  async #createAndStart(spec: ContainerSpec, body: Docker.ContainerCreateOptions, signal: AbortSignal): Promise<void> {
    const { containers, sockets, engine, policy, logger, onPull } = this.#parts;
    const never = new AbortController().signal;
    await ensureImage(spec.container.image, { engine, policy, logger, onProgress: onPull }, signal);
    let id: string | undefined;
    try {
      signal.throwIfAborted();
      id = await containers.create(body, never);
      await this.#start(id);
    } catch (error) {
      if (!wasRefusedWith(error, 400, 404, 409, 500)) throw error;
      if (id !== undefined) await containers.remove(id, never);
      if (socketFileOf(spec.container.ready) !== undefined) await sockets.remove(spec.name, never);
      throw toStartFault(error);
    }
  }
}

/** What NVIDIA's hook, its runtime and CDI say when the GPU cannot be given to a container. */
const GPU_TROUBLE = /nvidia|could not select device driver|unresolvable CDI|cdi\b/i;

function toStartFault(error: ContainerError): ContainerError {
  const isGpu = GPU_TROUBLE.test(error.message);
  const mend = isGpu
    ? "install the NVIDIA container toolkit, run nvidia-ctk cdi generate, and restart the Docker Engine"
    : "look at the Docker Engine's log";
  const code = isGpu ? "ERR_CONTAINER_GPU" : "ERR_CONTAINER_START";
  return new ContainerError(error.message, { code, mend, retryable: true }, { cause: error });
}
