import type { DialectName } from "../../config/mining-terms.ts";
import { type Clock, steadyClock } from "../../lib/clock.ts";
import { type Millis, seconds } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import { credentialsOf } from "./credentials.ts";
import type { Line, PoolEffects, PoolSession } from "./dialect.ts";
import { dialects } from "./dialects.ts";
import { readLine } from "./envelope.ts";
import { MinerSide } from "./miner-side.ts";
import { type PoolTarget, termsOf } from "./pool-url.ts";
import { type Pool, toPool } from "./pools.ts";
import { certificateFault, connectTo, publicKeyPin } from "./tls.ts";
import { LineSocket } from "./transport.ts";

const LIMIT = seconds(10);
const AGENT = "rigshift/pools-check";

/** How far a login at a pool came; each time counts from the start, absent where it was not reached. */
export interface PoolProbe {
  readonly ok: boolean;
  readonly connectMs?: number;
  readonly subscribeMs?: number;
  readonly authorizeMs?: number;
  readonly firstJobMs?: number;
  readonly difficulty?: Difficulty;
  /** Of the certificate's public key, over TLS. */
  readonly tlsPin?: string;
  readonly reason?: string;
  /** The pool is there, and would not have the login. */
  readonly isRefusal?: true;
}

/** What a pool says, or rather does not, when no connection comes about. */
export const unreachable = ({ host, port }: { readonly host: string; readonly port: number }, reason: string): string =>
  `${host}:${port} cannot be reached (${reason})`;

type Stage = "connectMs" | "subscribeMs" | "authorizeMs" | "firstJobMs";
const SUBSCRIBE = 1;
const AUTHORIZE = 2;
const WORK = 3;

const call = (id: number, method: string, params: unknown) => `${JSON.stringify({ id, method, params })}\n`;
const subscribeAndAuthorize = (...agent: readonly string[]): readonly string[] => [
  call(SUBSCRIBE, "mining.subscribe", agent),
  call(AUTHORIZE, "mining.authorize", ["probe", "x"]),
];

/** What a miner of each dialect says first; the pool's credentials are put in on the way. */
const LOGINS: Readonly<Record<DialectName, readonly string[]>> = {
  "bitcoin-v1": subscribeAndAuthorize(AGENT),
  "ethereum-stratum": subscribeAndAuthorize(AGENT, "EthereumStratum/1.0.0"),
  "eth-proxy": [call(AUTHORIZE, "eth_submitLogin", ["probe", "x"]), call(WORK, "eth_getWork", [])],
  kawpow: subscribeAndAuthorize(AGENT),
  kheavyhash: subscribeAndAuthorize(AGENT),
  alephium: subscribeAndAuthorize(AGENT),
  cryptonote: [call(AUTHORIZE, "login", { login: "probe", pass: "x", agent: AGENT })],
};

/** Logs in as `worker` with the proxy's own sessions, waits up to ten seconds for work, and leaves. Throws `ERR_POOL_URL` only. */
export async function probePool(
  target: PoolTarget,
  worker: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<PoolProbe> {
  const probe = new Probe(toPool(target), worker, steadyClock(clock));
  const limit = new AbortController();
  const ended = AbortSignal.any([signal, limit.signal]);
  const late = clock.wait(LIMIT, ended).then(() => probe.end("no work within 10 s"));
  const result = await probe.run();
  limit.abort();
  await late;
  return result;
}

/** One login. Owns its socket until it has ended. */
class Probe {
  readonly #pool: Pool;
  readonly #worker: string;
  readonly #clock: Clock;
  readonly #startedAt: Millis;
  readonly #times: Partial<Record<Stage, number>> = {};
  readonly #done = Promise.withResolvers<PoolProbe>();
  #socket: LineSocket | undefined;
  #session: PoolSession | undefined;
  #tlsPin: string | undefined;

  constructor(pool: Pool, worker: string, clock: Clock) {
    this.#pool = pool;
    this.#worker = worker;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  run(): Promise<PoolProbe> {
    const { socket, ready } = connectTo(this.#pool.address);
    const lines = new LineSocket(socket, {
      onLine: (line) => this.#onLine(line),
      onClose: (reason) => this.end(this.#isConnected ? reason : unreachable(this.#pool.address, reason)),
    });
    this.#socket = lines;
    socket.once(ready, () => {
      this.#reach("connectMs");
      this.#tlsPin = publicKeyPin(socket);
      const fault = certificateFault(socket, this.#pool.tlsPin);
      if (fault === undefined) this.#login();
      else this.end(fault);
    });
    return this.#done.promise;
  }

  get #isConnected(): boolean {
    return this.#times.connectMs !== undefined;
  }

  /** Without a reason all is well. */
  end(reason?: string, isRefusal = false): void {
    const difficulty = this.#session?.settled ? { difficulty: this.#session.difficulty } : {};
    this.#done.resolve({
      ok: reason === undefined,
      ...this.#times,
      ...difficulty,
      ...(this.#tlsPin !== undefined && { tlsPin: this.#tlsPin }),
      ...(reason !== undefined && { reason }),
      ...(isRefusal && { isRefusal }),
    });
    this.#socket?.close("the probe has ended");
  }

  #login(): void {
    const { algorithm, dialect } = termsOf(this.#pool);
    const nothing = () => {};
    const miner = new MinerSide(
      {
        toMiner: (line) => this.#onAnswer(line),
        dropMiner: (reason) => this.end(reason),
        recordShare: nothing,
        recordForeign: nothing,
        foreignLogin: nothing,
        gpuOf: () => "CPU-probe",
        ownerOf: (login) => login,
      },
      { algorithm, dialect: dialects[dialect], clock: this.#clock },
    );
    const pool = { ...this.#pool, ...credentialsOf(this.#pool, this.#worker) };
    this.#session = miner.open(pool, this.#effects());
    for (const line of LOGINS[dialect]) miner.onLine(Buffer.from(line));
  }

  #effects(): PoolEffects {
    return {
      toPool: (line) => this.#socket?.send(line),
      settled: () => {
        this.#reach("firstJobMs");
        this.end();
      },
      broken: (reason, isRefusal) => this.end(reason, isRefusal),
      redirected: ({ host, port }) => this.end(`the pool sends us to ${host ?? "its own host"}:${port ?? "same port"}`),
      words: () => {},
      changed: () => {},
    };
  }

  #onLine(line: Buffer): void {
    const { dialect } = termsOf(this.#pool);
    if (dialects[dialect].parsePool(line).kind === "job") this.#reach("firstJobMs");
    this.#session?.onLine(line);
  }

  #onAnswer(line: Line): void {
    const message = readLine(line, () => ({ kind: "call" as const }));
    if (message.kind !== "response") return;
    if (message.id === SUBSCRIBE) this.#reach("subscribeMs");
    if (message.id === AUTHORIZE) this.#reach("authorizeMs");
  }

  #reach(stage: Stage): void {
    this.#times[stage] ??= Math.round((this.#clock.monotonic() - this.#startedAt) * 10) / 10;
  }
}
