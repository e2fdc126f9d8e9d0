import koffi from "koffi";
import type { GpuUuid } from "../../ledger/rows.ts";
import { createBackoff } from "../../lib/backoff.ts";
import { wait } from "../../lib/wait.ts";
import { millis, seconds } from "../../units/time.ts";
import type { NvmlLibrary } from "./library.ts";
import { toSafeInteger } from "./memory.ts";
import { FUNCTION_NOT_FOUND, NOT_SUPPORTED, SUCCESS, TIMEOUT } from "./returns.ts";

const XID_CRITICAL = 0x8n;
/** How long one wait blocks its own thread, and so how long closing takes. */
const WAIT_MS = 250;
/** A storm of errors of one GPU must not keep the others from being heard. */
const MOST_COLLECTED = 64;
const RETRY = [millis(100), seconds(30)] as const;
/** nvmlEventData_t, 32 bytes: device @0, eventType u64 @8, eventData u64 @16, instance ids u32 @24 and @28. */
const EVENT_SIZE = 32;

export interface Xid {
  readonly uuid: GpuUuid;
  readonly number: number;
}

/**
 * Waits for the driver's error events of some GPUs until it is stopped; owns the event set and its memory. One lost GPU
 * ends the wait for all: those that still answer are registered anew, and an Xid of that moment may be told twice.
 */
export class EventWatch {
  readonly #library: NvmlLibrary;
  readonly #uuids: ReadonlyMap<bigint, GpuUuid>;
  readonly #onXid: (xid: Xid) => void;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;

  constructor(library: NvmlLibrary, gpus: ReadonlyMap<bigint, GpuUuid>, onXid: (xid: Xid) => void) {
    this.#library = library;
    this.#uuids = gpus;
    this.#onXid = onXid;
    // At once, so that nothing that happens from now on is missed.
    const first = this.#arm();
    this.#done = this.#watch(first);
  }

  /** Resolves once the last wait is over and everything is freed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  /** "never" where the driver tells no events, as on Windows and inside some virtual machines. */
  #arm(): bigint | "later" | "never" {
    const library = this.#library;
    const { code, value: set } = library.readPointer("nvmlEventSetCreate");
    if (set === undefined) return isForGood(code) ? "never" : "later";
    const handles = [...this.#uuids.keys()];
    const codes = handles.map((handle) => library.call("nvmlDeviceRegisterEvents", handle, XID_CRITICAL, set));
    if (codes.includes(SUCCESS)) return set;
    library.call("nvmlEventSetFree", set);
    return codes.every(isForGood) ? "never" : "later";
  }

  async #watch(first: bigint | "later" | "never"): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = createBackoff(...RETRY);
    let armed = first;
    while (armed !== "never") {
      const old = armed;
      if (old !== "later" && (await this.#drain(old))) backoff.reset();
      else await wait(backoff.next(), signal);
      // The old set goes on collecting until the new one does, so that nothing falls between the two.
      armed = signal.aborted ? "never" : this.#arm();
      if (old !== "later") this.#empty(old);
    }
  }

  /** Tells what a set has collected that nobody waited for, and frees it. */
  #empty(set: bigint): void {
    const event: bigint = koffi.alloc("uint8_t", EVENT_SIZE);
    for (let count = 0; count < MOST_COLLECTED; count++) {
      if (this.#library.call("nvmlEventSetWait_v2", set, event, 0) !== SUCCESS) break;
      this.#tell(Buffer.from(koffi.view(event, EVENT_SIZE)));
    }
    koffi.free(event);
    this.#library.call("nvmlEventSetFree", set);
  }

  /** Tells what comes until the wait fails; whether it ever went well. */
  async #drain(set: bigint): Promise<boolean> {
    const event: bigint = koffi.alloc("uint8_t", EVENT_SIZE);
    let wentWell = false;
    try {
      while (!this.#stopping.signal.aborted) {
        const code = await this.#library.callAsync("nvmlEventSetWait_v2", set, event, WAIT_MS);
        if (code === SUCCESS) this.#tell(Buffer.from(koffi.view(event, EVENT_SIZE)));
        else if (code !== TIMEOUT) break;
        wentWell = true;
      }
    } finally {
      koffi.free(event);
    }
    return wentWell;
  }

  #tell(event: Buffer): void {
    const uuid = this.#uuids.get(event.readBigUInt64LE(0));
    const number = toSafeInteger(event.readBigUInt64LE(16));
    if (event.readBigUInt64LE(8) !== XID_CRITICAL || uuid === undefined || number === undefined) return;
    this.#onXid({ uuid, number });
  }
}

const isForGood = (code: number): boolean => code === NOT_SUPPORTED || code === FUNCTION_NOT_FOUND;
