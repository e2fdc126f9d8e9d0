import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import type { Engine } from "./engine.ts";
import { type GpuProbe, type GpuVerdict, PROBE_MEND } from "./gpu-probe.ts";
import { runInside } from "./inside.ts";
import type { Unit } from "./units.ts";

export interface ProbeRoundsParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly units: () => readonly Unit[];
  /** Its container cannot use its GPU any more. */
  readonly onGpuLost: (unit: Unit, loss: string) => Promise<void>;
  readonly complain: (name: string, error: unknown) => void;
}

const PROBE_EVERY = minutes(1);
const PROBE_AGAIN = seconds(5);
/** A way that fails once may have failed by chance: a container short of processes starts none. */
const BLIND_FOR = minutes(10);

/** Asks every container for its GPUs, once a minute: devices can vanish from one that runs, and only a program inside sees that. */
export class ProbeRounds {
  readonly #parts: ProbeRoundsParts;
  /** Which of its ways could tell. */
  readonly #way = new WeakMap<GpuProbe, number>();
  /** Runs of which no way could tell, with when to try again, by the monotonic clock. */
  readonly #blind = new WeakMap<Unit, Millis>();

  constructor(parts: ProbeRoundsParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, units, complain } = this.#parts;
    for (;;) {
      await clock.wait(PROBE_EVERY, signal);
      if (signal.aborted) return;
      for (const unit of units()) {
        await this.#look(unit, signal).catch((error) => {
          if (!signal.aborted) complain(unit.name, error);
        });
      }
    }
  }

  /** The work on `gpu` of which nobody would notice that its container lost it, in words. */
  blindSpots(gpu: string): readonly string[] {
    return this.#parts
      .units()
      .filter((unit) => this.#blind.has(unit) && unit.gpus.some((uuid) => uuid === gpu))
      .map(({ role }) => `that the ${role}'s container loses the GPU would not be noticed: ${PROBE_MEND}`);
  }

  /** Once can be chance: a driver that is busy answers late. */
  async #look(unit: Unit, signal: AbortSignal): Promise<void> {
    const { clock, onGpuLost } = this.#parts;
    const { probe } = unit;
    if (probe === undefined || (this.#blind.get(unit) ?? 0) > clock.monotonic()) return;
    if ((await this.#ask(unit, probe, signal))?.kind !== "lost") return;
    await clock.wait(PROBE_AGAIN, signal);
    const verdict = await this.#ask(unit, probe, signal);
    if (verdict?.kind === "lost") await onGpuLost(unit, verdict.loss);
  }

  /** Undefined while nobody can be asked. */
  async #ask(unit: Unit, probe: GpuProbe, signal: AbortSignal): Promise<GpuVerdict | undefined> {
    const { engine, clock, logger } = this.#parts;
    const first = this.#way.get(probe) ?? 0;
    for (const [index, { command, judge }] of [...probe.ways.entries()].slice(first)) {
      const result = await runInside(engine, unit.container, command, signal);
      if (result.kind !== "exited") return undefined;
      const verdict = judge(result);
      if (verdict.kind === "cannot-tell") continue;
      this.#way.set(probe, index);
      this.#blind.delete(unit);
      return verdict;
    }
    if (!this.#blind.has(unit))
      logger.warn("nobody can tell whether a container still has its GPU", { work: unit.name, mend: PROBE_MEND });
    this.#blind.set(unit, millis(clock.monotonic() + BLIND_FOR));
    this.#way.delete(probe);
    return undefined;
  }
}
