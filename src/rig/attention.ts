import type { GpuReading } from "../gpu/source.ts";
import type { HandoverState, Mode, Workload } from "../ledger/rows.ts";
import { RESTING, type Work } from "../ledger/work.ts";
import { seconds } from "../units/time.ts";
import type { LoopParts } from "./loop-parts.ts";
import { Cut, type Outcome } from "./outcome.ts";

const LOOK_EVERY = seconds(0.5);

/** What may run under each mode. */
const ALLOWED: Readonly<Record<Mode, ReadonlySet<Workload>>> = {
  auto: new Set(["hashing", "inference", "external", "none"]),
  mine: new Set(["hashing", "none"]),
  serve: new Set(["inference", "none"]),
  observe: new Set(["none"]),
  pause: new Set(["none"]),
  release: new Set(["none"]),
};

/** What ends work is seen through: whoever else is to have the GPU waits for the same. */
const ENDS_WORK: ReadonlySet<HandoverState> = new Set(["releasing"]);

/**
 * Runs handovers and goes on looking meanwhile: one is cut short when the GPU cannot be trusted any more or somebody
 * else has it, and when an order no longer allows its target. A price cuts nothing. Owned by the GPU's loop.
 */
export class Attention {
  readonly #parts: LoopParts;
  #seen: GpuReading | undefined;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  handOver(to: Work, reason: string, signal: AbortSignal): Promise<Outcome> {
    return this.#during(to, signal, (until) => this.#parts.custody.handOver(to, reason, until));
  }

  /** Takes the GPU off work that failed; its job is booked as interrupted. */
  letGo(reason: string, signal: AbortSignal): Promise<Outcome> {
    return this.#during(RESTING, signal, (until) => this.#parts.custody.letGo(reason, until));
  }

  async #during(to: Work, signal: AbortSignal, act: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const cut = new AbortController();
    const done = new AbortController();
    const watched = this.#watch(to, cut, done.signal);
    const outcome = await act(AbortSignal.any([signal, cut.signal])).finally(() => done.abort());
    await watched;
    const { custody, mining } = this.#parts;
    // What was frozen for work that an order then forbade has nothing to wait for.
    const isLeftOver = mining?.miner.isFrozen === true && this.#forbids(to) !== undefined;
    if (outcome.kind === "aborted" && cut.signal.reason instanceof Cut && isLeftOver)
      await custody.handOver(RESTING, cut.signal.reason.words, signal);
    return outcome;
  }

  async #watch(to: Work, cut: AbortController, done: AbortSignal): Promise<void> {
    const { steady, custody, tenancies } = this.#parts;
    const wasAllowed = this.#forbids(to) === undefined;
    while (!cut.signal.aborted) {
      await steady.wait(LOOK_EVERY, done);
      if (done.aborted) return;
      const { state } = custody;
      const isTheirStart = to.workload === "external" && state === "warming";
      const ordered = wasAllowed && state !== "draining" ? this.#forbids(to) : undefined;
      // Whoever still waits for a set that another GPU has left waits for nothing.
      const givenUp = isTheirStart ? undefined : tenancies.whyGivenUp(to);
      const urgent = this.#intrusion(isTheirStart) ?? ordered;
      const why = urgent ?? givenUp;
      if (why === undefined || ENDS_WORK.has(state)) continue;
      // A hook that runs is seen through; before it does, its turn is given up.
      if (isTheirStart) tenancies.withdraw(why);
      else cut.abort(new Cut(why, urgent === undefined));
    }
  }

  /** Who or what needs the GPU free of ours at once. */
  #intrusion(isTheirStart: boolean): string | undefined {
    const { ground, meter, tenancies } = this.#parts;
    const { reading } = meter.latest;
    if (reading !== undefined && reading !== this.#seen) ground.glimpse(reading, isTheirStart);
    this.#seen = reading;
    const { isolation } = ground.health;
    if (isolation !== undefined) return isolation.reason;
    if (isTheirStart) return undefined;
    const { guest } = ground;
    if (guest !== undefined) return `${guest.name}, which is not ours, uses the GPU`;
    const { tenant } = tenancies;
    return tenant?.kind === "theirs" ? tenant.words : undefined;
  }

  /** Why the orders of now do not allow `to`. */
  #forbids({ workload }: Work): string | undefined {
    const { mode, shed } = this.#parts;
    const current = mode();
    return ALLOWED[current].has(workload) ? undefined : (shed() ?? `the operator set mode ${current}`);
  }
}
