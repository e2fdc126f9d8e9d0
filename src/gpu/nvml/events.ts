import koffi from "koffi";
import type { GpuUuid } from "../../ledger/rows.ts";
import type { NvmlLibrary } from "./library.ts";
import { toSafeInteger } from "./memory.ts";
import { SUCCESS, TIMEOUT } from "./returns.ts";

const XID_CRITICAL = 0x8n;
/** How long one wait blocks its own thread, and so how long closing takes. */
const WAIT_MS = 250;
/** nvmlEventData_t, 32 bytes: device @0, eventType u64 @8, eventData u64 @16, instance ids u32 @24 and @28. */
const EVENT_SIZE = 32;

export interface Xid {
  readonly uuid: GpuUuid;
  readonly number: number;
}

/** Waits for the driver's error events of some GPUs until it is stopped; owns the event set and its memory. */
export class EventWatch {
  readonly #library: NvmlLibrary;
  readonly #set: bigint;
  readonly #uuids: ReadonlyMap<bigint, GpuUuid>;
  readonly #onXid: (xid: Xid) => void;
  readonly #done: Promise<void>;
  #stopping = false;

  private constructor(
    library: NvmlLibrary,
    set: bigint,
    gpus: ReadonlyMap<bigint, GpuUuid>,
    onXid: (xid: Xid) => void,
  ) {
    this.#library = library;
    this.#set = set;
    this.#uuids = gpus;
    this.#onXid = onXid;
    this.#done = this.#watch();
  }

  /** Undefined where the driver tells no events, as on Windows and inside some virtual machines. */
  static start(
    library: NvmlLibrary,
    gpus: ReadonlyMap<bigint, GpuUuid>,
    onXid: (xid: Xid) => void,
  ): EventWatch | undefined {
    const { value: set } = library.readPointer("nvmlEventSetCreate");
    if (set === undefined) return undefined;
    const codes = [...gpus.keys()].map((handle) => library.call("nvmlDeviceRegisterEvents", handle, XID_CRITICAL, set));
    if (codes.includes(SUCCESS)) return new EventWatch(library, set, gpus, onXid);
    library.call("nvmlEventSetFree", set);
    return undefined;
  }

  /** Resolves once the last wait is over and everything is freed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #watch(): Promise<void> {
    const event: bigint = koffi.alloc("uint8_t", EVENT_SIZE);
    try {
      while (!this.#stopping) {
        const code = await this.#library.callAsync("nvmlEventSetWait_v2", this.#set, event, WAIT_MS);
        if (code === SUCCESS) this.#tell(Buffer.from(koffi.view(event, EVENT_SIZE)));
        // A lost GPU ends the wait for good; the session starts another one when it opened anew.
        else if (code !== TIMEOUT) break;
      }
    } finally {
      koffi.free(event);
      this.#library.call("nvmlEventSetFree", this.#set);
    }
  }

  #tell(event: Buffer): void {
    const uuid = this.#uuids.get(event.readBigUInt64LE(0));
    const number = toSafeInteger(event.readBigUInt64LE(16));
    if (event.readBigUInt64LE(8) !== XID_CRITICAL || uuid === undefined || number === undefined) return;
    this.#onXid({ uuid, number });
  }
}
