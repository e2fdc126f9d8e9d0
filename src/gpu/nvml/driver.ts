import type { GpuUuid } from "../../ledger/rows.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import type { ControlOutcome, GpuSettings, MissingGpu, ReleaseOutcome } from "../source.ts";
import type { Xid } from "./events.ts";
import type { KnownGpu, Order, OrderAnswer, RawReading, SessionFacts, ThreadOptions, Wish } from "./protocol.ts";
import { NvmlThread, type Outcome } from "./thread.ts";

export interface DriverParts {
  readonly clock: Clock;
  readonly options: ThreadOptions;
  readonly hangAfter: Millis;
  readonly onXid: (xid: Xid) => void;
  /** A GPU that was not known before. */
  readonly onFound: (gpu: KnownGpu) => void;
}

/** A driver without persistence wakes every GPU when a session opens, at seconds each. */
const OPEN_HANG_AFTER = seconds(30);
const RESTART = [seconds(1), seconds(60)] as const;

/**
 * Keeps one thread talking to the driver. A thread that hangs in a call about one GPU is left to it, and another one
 * asks about the rest, so there is never a second call upon a hung one. What is known of the GPUs is kept here and
 * handed to every session. Orders wait for each other.
 */
export class Driver {
  readonly #parts: DriverParts;
  readonly #known = new Map<GpuUuid, KnownGpu>();
  readonly #hung = new Map<GpuUuid, NvmlThread>();
  readonly #restarts = createBackoff(...RESTART);
  #thread: NvmlThread;
  #missing: readonly MissingGpu[] = [];
  /** Ends when the driver is let go of. */
  #life = new AbortController();
  /** Nothing can be read: the thread hangs outside of any GPU, died and was not replaced yet, or was let go of. */
  #isAway = false;
  #driverVersion: string | undefined;
  #driverEpoch = "";
  #isClosed = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#thread = this.#newThread();
  }

  get driverVersion(): string | undefined {
    return this.#driverVersion;
  }

  get missing(): readonly MissingGpu[] {
    return this.#missing;
  }

  /** Throws `ERR_GPU_NVML_UNAVAILABLE` when no GPU can be read. */
  async open(): Promise<void> {
    const outcome = await this.#open();
    if (outcome.kind === "answered" && outcome.answer.type === "opened") this.#learn(outcome.answer.facts);
    if (this.#known.size > 0) return;
    await this.close();
    throw unavailable(outcome, this.#missing);
  }

  /** Readings of those that could be read; the others hang or are not there. */
  read(uuids: readonly GpuUuid[]): Promise<readonly RawReading[]> {
    return this.#inTurn(() => this.#read(uuids));
  }

  readSettings(uuid: GpuUuid): Promise<GpuSettings> {
    return this.#inTurn(async () => {
      const answer = await this.#askAbout([uuid], () => ({ type: "settings", uuid }));
      return typeof answer === "object" && answer.type === "settings" ? answer.settings : {};
    });
  }

  /** Nothing is set once `signal` has fired: whoever gave up has set back since, or will. */
  control(uuid: GpuUuid, wish: Wish, signal: AbortSignal): Promise<ControlOutcome> {
    return this.#inTurn(async () => {
      if (signal.aborted) return { kind: "unavailable" };
      const answer = await this.#askAbout([uuid], () => ({ type: "control", uuid, wish }));
      return typeof answer === "object" && answer.type === "controlled" ? answer.outcome : { kind: "unavailable" };
    });
  }

  /** Ends the session and unloads the library; only calls that hang keep the driver in use. */
  release(): Promise<ReleaseOutcome> {
    return this.#inTurn(async () => {
      this.#life.abort();
      this.#isAway = true;
      const isClosed = await this.#thread.close();
      return isClosed && this.#hung.size === 0 ? { kind: "released" } : { kind: "held", gpus: [...this.#hung.keys()] };
    });
  }

  /** Resolves after the first try; further ones follow by themselves. */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed || !this.#life.signal.aborted) return;
      this.#life = new AbortController();
      this.#restarts.reset();
      this.#thread = this.#newThread();
      await this.#reopen();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#life.abort();
    this.#isAway = true;
    for (const thread of this.#hung.values()) thread.leaveBehind();
    await this.#thread.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    const next = () => {};
    this.#turn = done.then(next, next);
    return done;
  }

  async #read(uuids: readonly GpuUuid[]): Promise<readonly RawReading[]> {
    const { clock } = this.#parts;
    const answer = await this.#askAbout(uuids, (able) => ({ type: "read", uuids: able, now: clock.monotonic() }));
    if (answer === "left") return this.#read(uuids);
    if (answer?.type !== "readings") return [];
    this.#learn(answer.facts);
    for (const reading of answer.readings) this.#remember(reading);
    if (answer.facts?.isStale && !this.#isAway) this.#restartLater();
    return answer.readings;
  }

  /** "left" when the thread was left to one of them and another one may be asked about the rest. */
  async #askAbout(
    uuids: readonly GpuUuid[],
    order: (able: readonly GpuUuid[]) => Order,
  ): Promise<OrderAnswer | "left" | undefined> {
    const able = uuids.filter((uuid) => !this.#hung.has(uuid));
    if (this.#isAway || able.length === 0) return undefined;
    const { signal } = this.#life;
    const outcome = await this.#thread.ask(order(able), this.#parts.hangAfter);
    if (outcome.kind === "answered") return outcome.answer;
    if (signal.aborted) return undefined;
    const stuckAt = outcome.kind === "hung" && outcome.position !== undefined ? able[outcome.position] : undefined;
    if (outcome.kind !== "hung" || stuckAt === undefined) {
      this.#pause(outcome);
      return undefined;
    }
    await this.#leaveTo(stuckAt, outcome.back);
    return "left";
  }

  /** Of a thread that was left to a GPU, only news about that one: the others are another thread's. */
  #newThread(): NvmlThread {
    const { clock, options, onXid } = this.#parts;
    const thread: NvmlThread = new NvmlThread({
      clock,
      options,
      onXid: (xid) => {
        const isLeft = [...this.#hung.values()].includes(thread);
        if (!isLeft || this.#hung.get(xid.uuid) === thread) onXid(xid);
      },
    });
    return thread;
  }

  #open(): Promise<Outcome> {
    const all = [...this.#known.values()];
    const known = all.filter(({ info }) => !this.#hung.has(info.uuid));
    const without = all.filter(({ info }) => this.#hung.has(info.uuid)).map(({ info }) => info.index);
    const handover = { known, missing: this.#missing, without };
    return this.#thread.ask({ type: "open", handover }, OPEN_HANG_AFTER);
  }

  #learn(facts: SessionFacts | undefined): void {
    if (facts === undefined) return;
    const { gpus, missing, driverEpoch, driverVersion } = facts;
    this.#missing = missing;
    this.#driverEpoch = driverEpoch;
    this.#driverVersion = driverVersion ?? this.#driverVersion;
    for (const gpu of gpus) {
      const isNew = !this.#known.has(gpu.info.uuid);
      this.#known.set(gpu.info.uuid, gpu);
      if (isNew) this.#parts.onFound(gpu);
    }
  }

  #remember({ reading: { uuid, health, epoch, energy } }: RawReading): void {
    const known = this.#known.get(uuid);
    if (known === undefined) return;
    const driverEpoch = this.#driverEpoch;
    const last = energy ?? (epoch === known.epoch ? known.energy : undefined);
    this.#known.set(uuid, { info: known.info, health, driverEpoch, epoch, energy: last });
  }

  /** The hung thread keeps its GPU until the call comes back; a new one takes the other GPUs. */
  async #leaveTo(uuid: GpuUuid, back: Promise<void>): Promise<void> {
    const hung = this.#thread;
    this.#hung.set(uuid, hung);
    hung.leaveBehind();
    void back.then(async () => {
      await hung.close();
      this.#hung.delete(uuid);
      if (!this.#life.signal.aborted) await this.#reopen();
    });
    this.#thread = this.#newThread();
    await this.#reopen();
  }

  async #reopen(): Promise<void> {
    const { signal } = this.#life;
    this.#isAway = true;
    const outcome = await this.#open();
    if (signal.aborted) return;
    this.#isAway = false;
    if (outcome.kind === "answered" && outcome.answer.type === "opened") {
      this.#restarts.reset();
      this.#learn(outcome.answer.facts);
    } else this.#pause(outcome);
  }

  #pause(outcome: Outcome): void {
    const { signal } = this.#life;
    this.#isAway = true;
    if (outcome.kind === "hung") void outcome.back.then(() => (signal.aborted ? undefined : this.#reopen()));
    else this.#restartLater();
  }

  /** A fresh thread, with a fresh look for the library's file. */
  #restartLater(): void {
    const { signal } = this.#life;
    this.#isAway = true;
    void this.#parts.clock.wait(this.#restarts.next(), signal).then(async () => {
      await this.#thread.close();
      if (signal.aborted) return;
      this.#thread = this.#newThread();
      await this.#reopen();
    });
  }
}

function unavailable(outcome: Outcome, missing: readonly MissingGpu[]): GpuError {
  const code = "ERR_GPU_NVML_UNAVAILABLE";
  const mend = "check that the driver is loaded: nvidia-smi must answer";
  if (outcome.kind === "hung") return new GpuError("the NVIDIA driver does not answer", { code, mend });
  if (outcome.kind === "died") return new GpuError(`NVML could not be called: ${outcome.reason}`, { code, mend });
  const { answer } = outcome;
  if (answer.type === "refused") return new GpuError(answer.reason, { code, mend: answer.mend ?? mend });
  if (missing.length === 0) return new GpuError("the NVIDIA driver sees no GPU", { code, mend });
  const which = missing.map(({ index, returnCode }) => `GPU ${index}: NVML return code ${returnCode}`).join(", ");
  return new GpuError(`the NVIDIA driver counts ${missing.length} and none answers (${which})`, {
    code,
    missing: missing.length,
    mend: "see what dmesg says of NVRM and Xid; reset the GPU (nvidia-smi -r) or restart the machine",
  });
}
