import type { Socket } from "node:net";
import { messageOf, systemCodeOf } from "../../lib/errors.ts";
import { type Millis, seconds } from "../../units/time.ts";

/** Longest line that is read; the longest real one, a notify with 12 branches, has about 2 KiB. */
const MAX_LINE_BYTES = 16 * 1024;
/** A peer that leaves this much unread is cut off. */
const MAX_UNSENT_BYTES = 256 * 1024;
/** Four probes a second apart, so a peer that vanished while nothing was on its way shows within 8 s. */
const KEEPALIVE = { enable: true, initialDelay: 4000, interval: 1000, count: 4 };
/** How long the last bytes may take to leave after `close`. */
const FLUSH_MS = 2000;
const LINE_TIMEOUT = seconds(10);
const NEWLINE = 0x0a;

export interface LineHandlers {
  /** One line with its newline, never blank. */
  onLine(line: Buffer): void;
  /** Called once, whoever closed and why. */
  onClose(reason: string): void;
  /** The peer has read what `send` could not pass on at once. */
  onDrain?(): void;
}

/** Newline-framed bytes over one TCP or TLS socket, which it owns from construction on. */
export class LineSocket {
  readonly #socket: Socket;
  readonly #handlers: LineHandlers;
  #rest: Buffer | undefined;
  /** When a look at an unfinished line first found it. */
  #unfinishedSince: Millis | undefined;
  #closed = false;

  constructor(socket: Socket, handlers: LineHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.setNoDelay(true);
    socket.setKeepAlive(KEEPALIVE);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => handlers.onDrain?.());
    socket.on("error", (error) => this.#end(systemCodeOf(error) ?? messageOf(error)));
    socket.on("close", () => this.#end("closed by the peer"));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the peer keeps up; after `false`, send no more than needed until `onDrain`. */
  send(line: Buffer | string): boolean {
    if (this.#closed) return true;
    const keepsUp = this.#socket.write(typeof line === "string" ? `${line}\n` : line);
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.close("the peer does not read");
    return keepsUp;
  }

  /** Cuts off a peer that takes longer than ten seconds over one line; to be called every second or so. */
  check(now: Millis): void {
    if (this.#rest === undefined || this.#socket.isPaused()) this.#unfinishedSince = undefined;
    else this.#unfinishedSince ??= now;
    if (this.#unfinishedSince !== undefined && now - this.#unfinishedSince > LINE_TIMEOUT)
      this.close("a line takes longer than 10 s");
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends what is left, then closes; nothing more is read. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#end(reason);
    this.#socket.setTimeout(FLUSH_MS, () => this.#socket.destroy());
    this.#socket.destroySoon();
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rest = undefined;
    this.#handlers.onClose(reason);
  }

  #read(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#closed) return;
      this.#emit(chunk.subarray(start, end + 1));
      start = end + 1;
    }
    if (!this.#closed && start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #emit(tail: Buffer): void {
    const line = this.#rest ? Buffer.concat([this.#rest, tail]) : tail;
    this.#rest = undefined;
    this.#unfinishedSince = undefined;
    if (line.length > MAX_LINE_BYTES) this.#refuse();
    else if (line.length > 2 || line.toString("latin1").trim() !== "") this.#handlers.onLine(line);
  }

  #keep(bytes: Buffer): void {
    // Copied, because a slice would keep the whole read buffer alive.
    this.#rest = this.#rest ? Buffer.concat([this.#rest, bytes]) : Buffer.from(bytes);
    if (this.#rest.length > MAX_LINE_BYTES) this.#refuse();
  }

  #refuse(): void {
    this.close(`a line is longer than ${MAX_LINE_BYTES} bytes`);
  }
}
