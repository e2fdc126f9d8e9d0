import { z } from "zod";
import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Containers, parsed } from "./containers.ts";
import { SOCKET_VOLUME, socketVolume } from "./create-body.ts";
import { type Engine, wasRefusedWith } from "./engine.ts";
import { LABEL } from "./labels.ts";

const listSchema = z.looseObject({ Volumes: z.array(z.looseObject({ Name: z.string().max(256) })).nullish() });

export interface SocketVolumeParts {
  readonly engine: Engine;
  readonly containers: Containers;
  readonly rig: string;
  readonly logger: Logger;
}

/** The folders in memory that hold the sockets of this rig's work. Each goes with its container, or later. */
export class SocketVolumes {
  readonly #parts: SocketVolumeParts;
  #isAnyLeft = false;

  constructor(parts: SocketVolumeParts) {
    this.#parts = parts;
  }

  /** One that is still in use is left to a later sweep. */
  async remove(work: string, signal: AbortSignal): Promise<void> {
    const isGone = await this.#remove(socketVolume(this.#parts.rig, work), signal);
    if (isGone && this.#isAnyLeft) await this.sweep(signal);
    if (!isGone) this.#isAnyLeft = true;
  }

  /** Removes those whose work has no container; what prevents it is logged, and is no fault. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { engine, containers, rig, logger } = this.#parts;
    try {
      const filters = { label: [`${LABEL.rig}=${rig}`] };
      const answer = await engine.read("list the volumes", signal, (docker, abortSignal) =>
        docker.listVolumes({ filters, abortSignal }),
      );
      // Asked after the volumes: a container that is made meanwhile has its volume spared.
      const used = new Set((await containers.names(signal)).map((work) => socketVolume(rig, work)));
      const names = (parsed(listSchema, answer).Volumes ?? []).map(({ Name }) => Name);
      const left = names.filter((name) => name.startsWith(SOCKET_VOLUME) && !used.has(name));
      const gone = await Promise.all(left.map((name) => this.#remove(name, signal)));
      this.#isAnyLeft = gone.includes(false);
      if (left.length > 0) logger.info("swept the folders of old sockets", { removed: gone.filter(Boolean).length });
    } catch (error) {
      if (!signal.aborted) logger.warn("the folders of old sockets cannot be swept", { reason: messageOf(error) });
    }
  }

  /** False while something uses it. */
  async #remove(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#parts.engine.change("remove a volume", signal, (docker, abortSignal) =>
        docker.getVolume(name).remove({ abortSignal }),
      );
      return true;
    } catch (error) {
      if (wasRefusedWith(error, 404)) return true;
      if (wasRefusedWith(error, 409)) return false;
      throw error;
    }
  }
}
