import type { GpuUuid, JobOutcome } from "../ledger/rows.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { UsdPerHour } from "../units/money.ts";
import { after, elapsed, type Millis, millis, minutes, seconds, type UnixMs } from "../units/time.ts";
import type { ExternalProgram } from "../workloads/external/program.ts";
import { type Block, sayBlocked } from "./cooldown.ts";
import { type AskedProgram, endHalfStarted, type Fate, refusalOf } from "./half-started.ts";
import { DONE, failed, type Outcome } from "./outcome.ts";
import type { TenancyBook } from "./tenancy-book.ts";
import { incomeOf, type Offer, offerOf, type TenancyTerms } from "./tenancy-terms.ts";
import { openTurn, type Turn } from "./tenancy-turn.ts";
import { coolingOf, ownerOf, sayAsking, sayIncomplete, standingOf, type Tenant } from "./tenant.ts";

const ASK_AGAIN = seconds(5);
const NEVER = new AbortController().signal;

export interface TenancyParts {
  readonly terms: TenancyTerms;
  readonly gpus: readonly GpuUuid[];
  readonly program: AskedProgram & Pick<ExternalProgram, "start">;
  readonly book: TenancyBook;
  /** Which tenancy has or is about to get a GPU; shared by all of the rig. */
  readonly seats: Map<GpuUuid, Tenancy>;
  /** Deaf to being set. */
  readonly steady: Clock;
  readonly logger: Logger;
  /** What an earlier agent left of it. */
  readonly left?: "starting" | "running";
  /** Resolves once no hook that an earlier agent called can do anything more. */
  readonly outlastHook?: (signal: AbortSignal) => Promise<void>;
  /** Why its GPUs cannot all work at once, now or ever; undefined where they can. */
  readonly lack?: () => string | undefined;
  /** Wakes the loops of all its GPUs. */
  readonly onChange: () => void;
}

type Phase =
  | { readonly kind: "off" }
  /** It may run: an earlier agent may have started it, or its start failed here, with the reason. */
  | { readonly kind: "asking"; readonly failure?: string }
  | { readonly kind: "taking"; readonly arrived: Set<GpuUuid>; readonly turn: Turn }
  | { readonly kind: "on" }
  | { readonly kind: "stopping"; readonly ended: Promise<string | undefined> };

/** One external workload on its GPUs, all of them or none: taken together, started once, ended once. */
export class Tenancy {
  readonly #parts: TenancyParts;
  readonly #wants = new Set<GpuUuid>();
  /** Why a GPU of its does not want it, where that is not for the money. */
  readonly #away = new Map<GpuUuid, string>();
  readonly #backoff: Backoff = createBackoff(seconds(5), minutes(5));
  #phase: Phase;
  #block: Block | undefined;
  #coolUntil: UnixMs | undefined;
  #endTook: Millis = millis(0);
  /** Fires when the agent ends. */
  #ends = NEVER;

  constructor(parts: TenancyParts) {
    this.#parts = parts;
    const left = parts.terms.isOurs ? parts.left : undefined;
    this.#phase = { kind: left === undefined ? "off" : left === "running" ? "on" : "asking" };
    if (this.#phase.kind !== "off") this.#sit();
  }

  get name(): string {
    return this.#parts.terms.name;
  }

  get gpus(): readonly GpuUuid[] {
    return this.#parts.gpus;
  }

  get terms(): TenancyTerms {
    return this.#parts.terms;
  }

  /** The job of `gpu` from now on; it is in the ledger before it returns. */
  beginJob(gpu: GpuUuid): string {
    const { book, terms } = this.#parts;
    if (!terms.isOurs) book.say("running");
    return book.begin(gpu);
  }

  endJob(gpu: GpuUuid, id: string, end: { readonly outcome: JobOutcome; readonly reason?: string }): void {
    const { book, terms } = this.#parts;
    book.end(gpu, id, end);
    if (!terms.isOurs && this.tenant === undefined) book.say("over");
  }

  /** Books everything that came in, for one that outlives the agent. */
  settle(): void {
    this.earn();
    this.#parts.book.flush();
  }

  /** Books what came in since the last call. */
  earn(): void {
    this.#parts.book.earn(this.income);
  }

  /** What it is taken to pay while it is used, of all GPUs together and before the cut, and who says so. */
  get offer(): Offer {
    const { program, terms } = this.#parts;
    return offerOf(terms, program.earnings, this.#phase.kind === "on" && program.busy === true);
  }

  /** What comes in now, after the cut; undefined while nobody knows. */
  get income(): UsdPerHour | undefined {
    return incomeOf(this.#parts.terms, this.#parts.program);
  }

  /** Who has its GPUs by it; undefined while they are ours. */
  get tenant(): Tenant | undefined {
    const { name, terms } = this;
    const { program, steady, left } = this.#parts;
    const now = steady.now();
    if (!terms.isOurs) return ownerOf(name, program, { isLeft: left !== undefined, coolDown: terms.coolDown, now });
    const { kind } = this.#phase;
    if (kind === "asking") return { kind: "theirs", name, words: sayAsking(name, this.#phase.failure) };
    if (kind === "stopping") return { kind: "started", name, words: `${name} is being ended` };
    if (kind === "on") return { kind: "started", name, ...standingOf(name, program) };
    return coolingOf(name, this.#coolUntil, now);
  }

  /** Whether its GPUs are really in use, as far as anybody knows. */
  get isUsed(): boolean {
    const { busy, canTellBusy } = this.#parts.program;
    return this.#phase.kind === "on" && (busy === true || !canTellBusy);
  }

  /** Whether it was started, and says that nobody uses it. */
  get isListed(): boolean {
    const { kind } = this.#phase;
    return (kind === "on" || kind === "stopping") && this.#parts.program.busy === false;
  }

  /** Whether nothing of it runs or is about to. */
  get isOff(): boolean {
    return this.#phase.kind === "off";
  }

  get isEnding(): boolean {
    return this.#phase.kind === "stopping";
  }

  /** How long its hooks took to end it, the last time. */
  get endTook(): Millis {
    return this.#endTook;
  }

  /** Why it cannot be started now; undefined when it can. */
  get blocked(): Block | undefined {
    const block = this.#block;
    return block !== undefined && elapsed(this.#parts.steady.now(), block.until) > 0 ? block : undefined;
  }

  /** Why `gpu` cannot work for it now although it would; undefined when it can, or was never asked. */
  objection(gpu: GpuUuid): string | undefined {
    const { name, gpus, isOff, blocked: block } = this;
    const { seats, steady } = this.#parts;
    if (!isOff) return undefined;
    if (block !== undefined) return sayBlocked(block, steady.now());
    const lack = this.#parts.lack?.();
    if (lack !== undefined) return `${name} is not started: ${lack}`;
    if (!this.#wants.has(gpu)) return undefined;
    const taken = gpus.find((one) => seats.has(one));
    if (taken !== undefined) return `${seats.get(taken)?.name} has ${taken}`;
    return this.missing.length === 0 ? undefined : sayIncomplete(this, this.#away);
  }

  isWantedBy(gpu: GpuUuid): boolean {
    return this.#wants.has(gpu);
  }

  /** The GPUs that have better to do. */
  get missing(): readonly GpuUuid[] {
    return this.gpus.filter((gpu) => !this.#wants.has(gpu));
  }

  /** Whether its GPUs are called to come now, whatever else they would do. */
  get isTaking(): boolean {
    return this.#phase.kind === "taking";
  }

  /** `gpu` would work for it; true when all of its GPUs would, and are free to: then they are called. */
  want(gpu: GpuUuid): boolean {
    this.#wants.add(gpu);
    this.#away.delete(gpu);
    if (this.isTaking) return true;
    const { seats, lack } = this.#parts;
    const isTaken = this.gpus.some((one) => seats.has(one));
    if (!this.isOff || isTaken || this.missing.length > 0 || this.blocked !== undefined) return false;
    if (lack?.() !== undefined) return false;
    this.#call();
    return true;
  }

  /** `gpu` has better to do; one that is called already comes all the same. */
  unwant(gpu: GpuUuid): void {
    if (!this.isTaking) this.#wants.delete(gpu);
    this.#away.delete(gpu);
  }

  /** `gpu` is free for it. Resolves once all are and it was started, or with the reason why not. */
  async arrive(gpu: GpuUuid, signal: AbortSignal): Promise<Outcome> {
    const phase = this.#phase;
    if (phase.kind !== "taking") return failed(this.#block?.reason ?? `${this.name} takes no GPU now`);
    const { arrived, turn } = phase;
    arrived.add(gpu);
    if (this.gpus.every((one) => arrived.has(one))) void this.#start(turn, signal);
    const leave = () => this.withdraw(gpu, "the agent stops");
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    return await turn.done.finally(() => signal.removeEventListener("abort", leave));
  }

  /** `gpu` cannot come, after all: those that came go back to their work. Nothing once it was started. */
  withdraw(gpu: GpuUuid, reason: string): void {
    this.#away.set(gpu, reason);
    if (this.#phase.kind === "taking") this.#dissolve(this.#phase.turn, `${gpu} cannot be freed for it: ${reason}`);
  }

  /** Whether an end would be tried now. */
  get isEndable(): boolean {
    return this.#phase.kind === "on" && this.blocked === undefined;
  }

  /**
   * Ends it, once for all its GPUs, unless a customer uses it at this moment or nobody knows; resolves with why not.
   * It takes as long as its hooks and never rejects: a GPU's loop does not wait for it.
   */
  end(reason: string): Promise<string | undefined> {
    if (this.#phase.kind === "stopping") return this.#phase.ended;
    if (!this.isEndable) return Promise.resolve(this.#phase.kind === "on" ? this.blocked?.reason : undefined);
    const ended = this.#stop(reason);
    this.#phase = { kind: "stopping", ended };
    return ended;
  }

  /** A customer who is there although nobody here started anything has the GPUs all the same. */
  notice(): void {
    const { program, terms, seats, book, logger, onChange } = this.#parts;
    const isFree = this.gpus.every((gpu) => !seats.has(gpu));
    if (!terms.isOurs || this.#phase.kind !== "off" || program.busy !== true || !isFree) return;
    logger.info("an external workload is in use that was not started here", { external: this.name });
    this.#phase = { kind: "on" };
    this.#sit();
    book.say("running");
    onChange();
  }

  /** Finds out what became of it while no agent ran; does nothing where none left it. */
  async recall(signal: AbortSignal): Promise<void> {
    this.#ends = signal;
    if (!this.terms.isOurs) return await this.#recallOwner(signal);
    if (this.#phase.kind !== "asking") return;
    await this.#parts.outlastHook?.(signal);
    await this.#pursue("an earlier agent did not see its start or end through", signal);
  }

  /** Asks again and again until it is a customer's or over. */
  async #pursue(reason: string, signal: AbortSignal): Promise<void> {
    const { steady, onChange } = this.#parts;
    while (this.#phase.kind === "asking" && !signal.aborted) {
      const fate = await endHalfStarted(this.name, this.#parts.program, { reason, signal });
      if (signal.aborted) return;
      this.#meet(fate);
      onChange();
      if (this.#phase.kind === "asking") await steady.wait(ASK_AGAIN, signal);
    }
  }

  /** Acts on what was found out of one that may run. */
  #meet(fate: Fate): void {
    const { book, logger } = this.#parts;
    if (fate.kind === "over") {
      const failure = this.#phase.kind === "asking" ? this.#phase.failure : undefined;
      if (failure === undefined) this.#leave();
      else this.#fail(failure);
      return;
    }
    const reason = fate.kind === "used" ? "a customer uses it" : fate.reason;
    logger.warn("an external workload may run half", { external: this.name, reason });
    if (fate.kind === "unknown") return;
    this.#phase = { kind: "on" };
    book.say("running");
  }

  /** One whose customer had left before this agent could yield to it is over. */
  async #recallOwner(signal: AbortSignal): Promise<void> {
    const { program, steady, book, left } = this.#parts;
    if (left === undefined) return;
    while (program.lastBusy === undefined && !signal.aborted) await steady.wait(ASK_AGAIN, signal);
    if (program.lastBusy === false && !book.isOpen) book.say("over");
  }

  #sit(): void {
    for (const gpu of this.gpus) this.#parts.seats.set(gpu, this);
  }

  #leave(): void {
    const { seats, steady, terms, book } = this.#parts;
    book.say("over");
    this.#phase = { kind: "off" };
    this.#wants.clear();
    for (const gpu of this.gpus) if (seats.get(gpu) === this) seats.delete(gpu);
    this.#coolUntil = after(steady.now(), terms.coolDown);
  }

  /** A turn has a deadline: whoever came does not wait for ever for one that does not. */
  #call(): void {
    const { steady, terms, onChange } = this.#parts;
    const turn = openTurn();
    const arrived = new Set<GpuUuid>();
    this.#phase = { kind: "taking", arrived, turn };
    this.#sit();
    void steady.wait(terms.acquireTimeout, turn.over.signal).then(() => {
      const late = this.gpus.filter((gpu) => !arrived.has(gpu)).join(", ");
      this.#dissolve(turn, `${late} was not free for it within ${terms.acquireTimeout / 1000} s`);
    });
    onChange();
  }

  #dissolve(turn: Turn, reason: string): void {
    const phase = this.#phase;
    if (turn.over.signal.aborted || phase.kind !== "taking" || phase.turn !== turn) return;
    turn.over.abort();
    this.#fail(reason);
    turn.settle(failed(reason));
  }

  /** Nothing runs of it, and it is left alone for a growing while; its GPUs may go back at once. */
  #fail(reason: string): void {
    const { steady, logger, onChange } = this.#parts;
    this.#leave();
    this.#coolUntil = undefined;
    this.#block = { until: after(steady.now(), this.#backoff.next()), reason };
    logger.warn("an external workload did not start", { external: this.name, reason });
    onChange();
  }

  async #start(turn: Turn, signal: AbortSignal): Promise<void> {
    if (turn.over.signal.aborted) return;
    // From here on it is not the deadline for GPUs that counts, but the hook's own.
    turn.over.abort();
    const { program, terms, book, onChange } = this.#parts;
    book.say("starting");
    const among = this.gpus.length === 1 ? "" : ` on ${this.gpus.length} GPUs`;
    const failure = await program.start(`it pays most after electricity${among}`, signal);
    if (failure !== undefined) return await this.#undo(turn, `${terms.name} did not start: ${failure}`);
    this.#phase = { kind: "on" };
    this.#block = undefined;
    this.#backoff.reset();
    book.say("running");
    turn.settle(DONE);
    onChange();
  }

  /** A start that failed may have worked all the same, or found a customer there already: nothing is ended unasked. */
  async #undo(turn: Turn, failure: string): Promise<void> {
    this.#phase = { kind: "asking", failure };
    const reason = "its start failed";
    const fate = await endHalfStarted(this.name, this.#parts.program, { reason, signal: NEVER });
    this.#meet(fate);
    if (fate.kind === "unknown") turn.settle(failed(`${failure}; ${fate.reason}`));
    else turn.settle(fate.kind === "used" ? DONE : failed(failure));
    if (fate.kind !== "unknown") return;
    await this.#parts.steady.wait(ASK_AGAIN, this.#ends);
    await this.#pursue(reason, this.#ends);
  }

  async #stop(reason: string): Promise<string | undefined> {
    const { program, steady, logger, book, onChange } = this.#parts;
    const began = steady.monotonic();
    const refusal = await refusalOf(this.name, program, NEVER);
    if (refusal !== undefined) {
      this.#phase = { kind: "on" };
      this.#block = { until: after(steady.now(), ASK_AGAIN), reason: refusal };
      onChange();
      return refusal;
    }
    book.say("stopping");
    const failure = await program.stop(reason, NEVER);
    if (failure === undefined) {
      this.#endTook = millis(Math.round(steady.monotonic() - began));
      this.#backoff.reset();
      this.#leave();
    } else {
      this.#phase = { kind: "on" };
      book.say("running");
      this.#block = { until: after(steady.now(), this.#backoff.next()), reason: `it could not be stopped: ${failure}` };
      logger.warn("an external workload did not stop", { external: this.name, reason: failure });
    }
    onChange();
    return failure;
  }
}
