import type { Clock } from "../../lib/clock.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import type { Line, PoolSession } from "./dialect.ts";
import type { PoolAddress } from "./pool-url.ts";
import type { Pool } from "./pools.ts";
import { certificateFault, connectTo } from "./tls.ts";
import { LineSocket } from "./transport.ts";

const CONNECT_TIMEOUT = seconds(4);

export interface UpstreamHandlers {
  onConnect(upstream: Upstream): PoolSession;
  onGone(upstream: Upstream, reason: string, isRefusal: boolean): void;
  onDrain(): void;
}

/** One TCP or TLS connection to a pool and the session on it. Owned by the link that opened it. */
export class Upstream {
  readonly pool: Pool;
  /** The pool's own, or where it sent us. */
  readonly address: PoolAddress;
  readonly #socket: LineSocket;
  readonly #startedAt: Millis;
  #session: PoolSession | undefined;
  #closing = false;
  #isRefused = false;

  constructor(pool: Pool, address: PoolAddress, parts: { readonly clock: Clock; readonly handlers: UpstreamHandlers }) {
    this.pool = pool;
    this.address = address;
    this.#startedAt = parts.clock.monotonic();
    const { handlers } = parts;
    const { socket, ready } = connectTo(address);
    this.#socket = new LineSocket(socket, {
      onLine: (line) => this.#session?.onLine(line),
      onClose: (reason) => {
        if (!this.#closing && this.#session?.awaitsExtranonceAnswer) pool.refusesExtranonce = true;
        this.#session?.lost(reason);
        handlers.onGone(this, reason, this.#isRefused);
      },
      onDrain: () => handlers.onDrain(),
    });
    socket.once(ready, () => {
      const fault = certificateFault(socket, pool.tlsPin);
      if (fault !== undefined) this.close(fault);
      if (!this.#socket.closed) this.#session = handlers.onConnect(this);
    });
  }

  get session(): PoolSession | undefined {
    return this.#session;
  }

  get settled(): boolean {
    return this.#session?.settled ?? false;
  }

  get owed(): number {
    return this.#session?.owed ?? 0;
  }

  ageAt(now: Millis): Millis {
    return millis(now - this.#startedAt);
  }

  send(line: Line): boolean {
    return this.#socket.send(line);
  }

  /** Gives the connection up at `now` if it is dead. */
  check(now: Millis): void {
    const late = now - this.#startedAt > CONNECT_TIMEOUT ? "the pool does not take the connection" : undefined;
    const reason = this.#session ? this.#session.check(now) : late;
    if (reason !== undefined) this.close(reason);
    else this.#socket.check(now);
  }

  /** `isRefusal`: the pool is there, and would not have the login. */
  close(reason: string, isRefusal = false): void {
    this.#closing = true;
    this.#isRefused = isRefusal;
    this.#socket.close(reason);
  }
}
