import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { isRigError, messageOf } from "../../lib/errors.ts";
import { NvmlLibrary } from "./library.ts";
import {
  type Handover,
  NO_GPU,
  type Order,
  type OrderAnswer,
  type RawReading,
  type ThreadMessage,
  type ThreadStart,
} from "./protocol.ts";
import { NvmlSession } from "./session.ts";

const CLOSED: OrderAnswer = { type: "refused", reason: "no session is open" };

/** The thread that owns the session. Orders are obeyed one after the other; every call to the driver blocks it. */
class DriverThread {
  readonly #start: ThreadStart;
  readonly #port: MessagePort;
  #session: NvmlSession | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(start: ThreadStart, port: MessagePort) {
    this.#start = start;
    this.#port = port;
    port.on("message", ({ number, order }: { number: number; order: Order }) => {
      this.#turn = this.#turn.then(() => this.#obey(order)).then((answer) => this.#post({ number, answer }));
    });
  }

  #post(message: ThreadMessage): void {
    this.#port.postMessage(message);
    if ("answer" in message && message.answer.type === "closed") this.#port.close();
  }

  #obey(order: Order): OrderAnswer | Promise<OrderAnswer> {
    switch (order.type) {
      case "open":
        return this.#open(order.handover);
      case "close":
        return this.#close();
      case "read":
        return this.#read(order);
      case "settings":
        return { type: "settings", settings: this.#about((session) => session.readSettings(order.uuid)) ?? {} };
      case "control": {
        const outcome = this.#about((session) => session.apply(order.uuid, order.wish));
        return { type: "controlled", outcome: outcome ?? { kind: "unavailable" } };
      }
    }
  }

  async #open(handover: Handover): Promise<OrderAnswer> {
    try {
      await this.#close();
      const library = new NvmlLibrary(this.#start.libraries);
      this.#session = new NvmlSession({ ...this.#start, library, onXid: (xid) => this.#post({ xid }) }, handover);
      this.#session.open();
      return { type: "opened", ...this.#session.tellNews() };
    } catch (error) {
      const mend = isRigError(error) ? error.facts.mend : undefined;
      return { type: "refused", reason: messageOf(error), ...(mend === undefined ? {} : { mend }) };
    }
  }

  async #close(): Promise<OrderAnswer> {
    await this.#session?.close();
    this.#session = undefined;
    return { type: "closed" };
  }

  async #read({ uuids, now }: Extract<Order, { type: "read" }>): Promise<OrderAnswer> {
    const session = this.#session;
    if (session === undefined) return CLOSED;
    await session.recover(now);
    const readings: RawReading[] = [];
    for (const [position, uuid] of uuids.entries()) {
      this.#mark(position);
      const reading = session.read(uuid, now);
      if (reading !== undefined) readings.push(reading);
    }
    this.#mark(NO_GPU);
    return { type: "readings", readings, ...session.tellNews() };
  }

  #about<T>(look: (session: NvmlSession) => T): T | undefined {
    if (this.#session === undefined) return undefined;
    this.#mark(0);
    const seen = look(this.#session);
    this.#mark(NO_GPU);
    return seen;
  }

  /** By the GPU's position in the order, a call that hangs is known to be about it. */
  #mark(position: number): void {
    const { progress } = this.#start;
    Atomics.store(progress, 0, position);
    Atomics.add(progress, 1, 1);
  }
}

if (parentPort) new DriverThread(workerData, parentPort);
