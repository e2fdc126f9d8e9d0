import { isRigError, messageOf } from "../../lib/errors.ts";
import type { EngineLook } from "../driver.ts";
import type { EngineVersion } from "./api-version.ts";
import { parsed } from "./containers.ts";
import { callWithSignal, type Engine } from "./engine.ts";
import { chooseInjection, type EngineInfo, hasNvidiaSpec, type Injection, infoSchema } from "./injection.ts";

interface Facts extends Injection {
  readonly version: EngineVersion;
  readonly info: EngineInfo;
}

/** What the Engine says of itself, read once per connection. */
export class EngineFacts {
  readonly #engine: Engine;
  #facts: Facts | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async read(signal: AbortSignal): Promise<Facts> {
    this.#facts ??= await this.#ask(signal);
    return this.#facts;
  }

  /** After a reconnection: the Engine may be another one. */
  forget(): void {
    this.#facts = undefined;
  }

  /** Asks anew; never throws. */
  async look(signal: AbortSignal): Promise<EngineLook> {
    try {
      this.forget();
      const { version, info, injection, knowsNvidia } = await this.read(signal);
      return {
        kind: "reachable",
        engineVersion: version.engine,
        apiVersion: version.api,
        cgroupVersion: info.CgroupVersion,
        injection,
        knowsNvidia,
        liveRestore: info.LiveRestoreEnabled,
        seccomp: info.SecurityOptions.some((option) => option.startsWith("name=seccomp")),
      };
    } catch (error) {
      const { code = "ERR_DOCKER_UNREACHABLE", mend } = isRigError(error) ? error.facts : {};
      return { kind: "unreachable", code, reason: messageOf(error), ...(mend === undefined ? {} : { mend }) };
    }
  }

  async #ask(signal: AbortSignal): Promise<Facts> {
    const version = await this.#engine.version(signal);
    const answer = await this.#engine.read("describe itself", signal, (docker, abortSignal) =>
      callWithSignal(docker, docker.info, abortSignal),
    );
    const info = parsed(infoSchema, answer);
    return { version, info, ...chooseInjection(version.api, info, hasNvidiaSpec) };
  }
}
