import type { GpuUuid } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { GpuError } from "../errors.ts";
import type { Xid } from "./events.ts";
import type { OpenedGpu, RawReading, ThreadOptions } from "./protocol.ts";
import { NvmlThread, type Outcome } from "./thread.ts";

export interface DriverParts {
  readonly clock: Clock;
  readonly options: ThreadOptions;
  readonly hangAfter: Millis;
  readonly onXid: (xid: Xid) => void;
}

/** A driver without persistence wakes every GPU when a session opens, at seconds each. */
const OPEN_HANG_AFTER = seconds(30);
const RESTART_AFTER = seconds(5);

/**
 * Keeps one thread talking to the driver. A thread that hangs in a call about one GPU is left to it, and another one
 * reads the rest, so there is never a second call upon a hung one. Only its owner may call it, one call at a time.
 */
export class Driver {
  readonly #parts: DriverParts;
  readonly #indexes = new Map<GpuUuid, number>();
  readonly #hung = new Map<GpuUuid, NvmlThread>();
  readonly #closing = new AbortController();
  #thread: NvmlThread;
  /** Nothing can be read: the thread hangs outside of any GPU, or died and was not replaced yet. */
  #isAway = false;
  #driverVersion: string | undefined;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#thread = new NvmlThread(parts);
  }

  get driverVersion(): string | undefined {
    return this.#driverVersion;
  }

  /** The GPUs that can be read; throws `ERR_GPU_NVML_UNAVAILABLE` when there are none. */
  async open(): Promise<readonly OpenedGpu[]> {
    const outcome = await this.#open();
    const answer = outcome.kind === "answered" ? outcome.answer : undefined;
    const gpus = answer?.type === "opened" ? answer.gpus : [];
    if (answer?.type === "opened") this.#driverVersion = answer.driverVersion;
    for (const { info } of gpus) this.#indexes.set(info.uuid, info.index);
    if (gpus.length > 0) return gpus;
    await this.close();
    throw unavailable(outcome);
  }

  /** Readings of those that could be read; the others hang or are not there. */
  async read(uuids: readonly GpuUuid[]): Promise<readonly RawReading[]> {
    const able = uuids.filter((uuid) => !this.#hung.has(uuid));
    if (this.#isAway || able.length === 0) return [];
    const { clock, hangAfter } = this.#parts;
    const outcome = await this.#thread.ask({ type: "read", uuids: able, now: clock.monotonic() }, hangAfter);
    if (outcome.kind === "answered") return outcome.answer.type === "readings" ? outcome.answer.readings : [];
    const stuckAt = outcome.kind === "hung" && outcome.position !== undefined ? able[outcome.position] : undefined;
    if (outcome.kind !== "hung" || stuckAt === undefined) {
      this.#pause(outcome);
      return [];
    }
    await this.#leaveTo(stuckAt, outcome.back);
    return this.read(able);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const thread of this.#hung.values()) thread.leaveBehind();
    await this.#thread.close();
  }

  #open(): Promise<Outcome> {
    const without = [...this.#hung.keys()]
      .map((uuid) => this.#indexes.get(uuid))
      .filter((index) => index !== undefined);
    return this.#thread.ask({ type: "open", without }, OPEN_HANG_AFTER);
  }

  /** The hung thread keeps its GPU until the call comes back; a new one takes the other GPUs. */
  async #leaveTo(uuid: GpuUuid, back: Promise<void>): Promise<void> {
    const hung = this.#thread;
    this.#hung.set(uuid, hung);
    hung.leaveBehind();
    void back.then(async () => {
      await hung.close();
      this.#hung.delete(uuid);
      if (!this.#closing.signal.aborted) await this.#reopen();
    });
    this.#thread = new NvmlThread(this.#parts);
    await this.#reopen();
  }

  async #reopen(): Promise<void> {
    this.#isAway = true;
    const outcome = await this.#open();
    this.#isAway = false;
    if (outcome.kind !== "answered" || outcome.answer.type !== "opened") this.#pause(outcome);
  }

  #pause(outcome: Outcome): void {
    this.#isAway = true;
    if (outcome.kind === "hung") void outcome.back.then(() => this.#reopen());
    else void this.#restart();
  }

  async #restart(): Promise<void> {
    await this.#parts.clock.wait(RESTART_AFTER, this.#closing.signal);
    await this.#thread.close();
    if (this.#closing.signal.aborted) return;
    this.#thread = new NvmlThread(this.#parts);
    await this.#reopen();
  }
}

function unavailable(outcome: Outcome): GpuError {
  const code = "ERR_GPU_NVML_UNAVAILABLE";
  const mend = "check that the driver is loaded: nvidia-smi must answer";
  if (outcome.kind === "hung") return new GpuError("the NVIDIA driver does not answer", { code, mend });
  if (outcome.kind === "died") return new GpuError(`NVML could not be called: ${outcome.reason}`, { code, mend });
  const { answer } = outcome;
  if (answer.type === "refused") return new GpuError(answer.reason, { code, mend: answer.mend ?? mend });
  return new GpuError("the NVIDIA driver sees no GPU", { code, mend });
}
