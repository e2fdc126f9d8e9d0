import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { isRigError, messageOf } from "../../lib/errors.ts";
import { NvmlLibrary } from "./library.ts";
import {
  NO_GPU,
  type Order,
  type OrderAnswer,
  type RawReading,
  type ThreadMessage,
  type ThreadStart,
} from "./protocol.ts";
import { NvmlSession } from "./session.ts";

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

  async #obey(order: Order): Promise<OrderAnswer> {
    switch (order.type) {
      case "open":
        return await this.#open(order.without);
      case "read":
        return { type: "readings", readings: await this.#read(order) };
      case "close":
        await this.#session?.close();
        return { type: "closed" };
    }
  }

  async #open(without: readonly number[]): Promise<OrderAnswer> {
    try {
      await this.#session?.close();
      const library = new NvmlLibrary(this.#start.libraries);
      const session = new NvmlSession({ ...this.#start, library, onXid: (xid) => this.#post({ xid }) });
      this.#session = session;
      const gpus = session.open(without);
      const { driverVersion } = session;
      return { type: "opened", gpus, ...(driverVersion === undefined ? {} : { driverVersion }) };
    } catch (error) {
      const mend = isRigError(error) ? error.facts.mend : undefined;
      return { type: "refused", reason: messageOf(error), ...(mend === undefined ? {} : { mend }) };
    }
  }

  async #read({ uuids, now }: Extract<Order, { type: "read" }>): Promise<RawReading[]> {
    const session = this.#session;
    if (session === undefined) return [];
    await session.recover(now);
    const readings: RawReading[] = [];
    uuids.forEach((uuid, position) => {
      this.#mark(position);
      const reading = session.read(uuid, now);
      if (reading !== undefined) readings.push(reading);
    });
    this.#mark(NO_GPU);
    return readings;
  }

  #mark(position: number): void {
    const { progress } = this.#start;
    Atomics.store(progress, 0, position);
    Atomics.add(progress, 1, 1);
  }
}

if (parentPort) new DriverThread(workerData, parentPort);
