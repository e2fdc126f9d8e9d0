import type { GpuSource } from "../gpu/source.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { seconds } from "../units/time.ts";

const LOOK_EVERY = seconds(1);

export interface DriverReleaseParts {
  readonly source: Pick<GpuSource, "release" | "resume">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the operator wants to work on the driver. */
  readonly isWanted: () => boolean;
  /** Whether nothing of ours runs on any GPU. */
  readonly isQuiet: () => boolean;
  readonly onChange: () => void;
}

/** Lets go of the driver while the operator works on it, once nothing of ours runs, and takes it up again afterwards. */
export class DriverRelease {
  readonly #parts: DriverReleaseParts;
  #words: string | undefined;

  constructor(parts: DriverReleaseParts) {
    this.#parts = parts;
  }

  /** How far it is; undefined while the driver is in use. */
  get words(): string | undefined {
    return this.#words;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    while (!signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        logger.error("the driver cannot be let go of or taken up", { reason: messageOf(error) });
      }
      await clock.wait(LOOK_EVERY, signal);
    }
  }

  async #look(): Promise<void> {
    const { source, isWanted, isQuiet } = this.#parts;
    if (this.#words === undefined) {
      if (isWanted() && isQuiet()) this.#say(await this.#release());
    } else if (!isWanted()) {
      await source.resume?.();
      this.#say(undefined);
    }
  }

  async #release(): Promise<string> {
    const { source } = this.#parts;
    if (source.release === undefined) return "nothing of ours runs; this rig's readings hold no driver";
    const outcome = await source.release();
    if (outcome.kind === "released") return "the driver is let go of and may be worked on";
    return `calls about ${outcome.gpus.join(", ")} hang in the driver and keep it in use: restart the agent or the machine`;
  }

  #say(words: string | undefined): void {
    this.#words = words;
    this.#parts.logger.info(words ?? "the driver is in use again");
    this.#parts.onChange();
  }
}
