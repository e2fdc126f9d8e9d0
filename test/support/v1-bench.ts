import type { ShareRow } from "../../src/ledger/rows.ts";
import type { Algorithm } from "../../src/mining/stratum/algorithms.ts";
import { bitcoinV1 } from "../../src/mining/stratum/bitcoin-v1.ts";
import type { Dialect, ForeignShare } from "../../src/mining/stratum/dialect.ts";
import { MinerSide } from "../../src/mining/stratum/miner-side.ts";
import type { Pool } from "../../src/mining/stratum/pools.ts";
import { ManualClock } from "./manual-clock.ts";

const HASH = "ab".repeat(32);

const pool = (name: string, changes: Partial<Pool>): Pool => ({
  url: `stratum+tcp://${name}.example:3333`,
  user: `wallet.${name}`,
  password: `secret-${name}`,
  rank: 0,
  address: { host: `${name}.example`, port: 3333 },
  refusesExtranonce: false,
  ...changes,
});

export const call = (id: unknown, method: string, params: unknown[]) => JSON.stringify({ id, method, params });
export const answer = (id: unknown, result: unknown) => JSON.stringify({ id, result, error: null });
export const refusal = (id: unknown, code: number, message: string) =>
  JSON.stringify({ id, result: null, error: [code, message, null] });
export const notify = (id: string, cleanJobs = true) =>
  call(null, "mining.notify", [id, HASH, "01", "02", [HASH], "20000000", "1d00ffff", "68e5a000", cleanJobs]);
export const submit = (id: unknown, job: string, worker = "rig.0") =>
  call(id, "mining.submit", [worker, job, "00000001", "68e5a000", "deadbeef"]);

/** One pool connection with everything the session did to it. */
export class PoolEnd {
  readonly sent: string[] = [];
  readonly events: string[] = [];
  readonly session;
  readonly url: string;

  constructor(miner: MinerSide, target: Pool) {
    this.url = target.url;
    this.session = miner.open(target, {
      toPool: (line) => this.sent.push(line.toString().trimEnd()),
      settled: () => this.events.push("settled"),
      broken: (reason) => this.events.push(`broken: ${reason}`),
      redirected: (to, wait) => this.events.push(`redirected: ${to.host}:${to.port} in ${wait}`),
      words: (text) => this.events.push(`words: ${text}`),
      changed: () => this.events.push("changed"),
    });
  }

  says(...lines: string[]): void {
    for (const line of lines) this.session.onLine(Buffer.from(`${line}\n`));
  }

  /** Answers a login whose ids are 1 (subscribe) and 2 (authorize), then sends one job. */
  logsIn(extranonce1 = "08000002", job = "j1"): void {
    this.says(
      answer(1, [[], extranonce1, 4]),
      answer(2, true),
      call(null, "mining.set_difficulty", [512]),
      notify(job),
    );
  }
}

export class V1Bench {
  readonly clock = new ManualClock();
  readonly toMiner: string[] = [];
  readonly shares: ShareRow[] = [];
  readonly foreign: ForeignShare[] = [];
  readonly strangers: string[] = [];
  dropped: string | undefined;
  readonly miner: MinerSide;

  constructor(dialect: Dialect = bitcoinV1, algorithm: Algorithm = "sha256d") {
    this.miner = new MinerSide(
      {
        toMiner: (line) => this.toMiner.push(line.toString().trimEnd()),
        dropMiner: (reason) => {
          this.dropped = reason;
        },
        recordShare: (share) => this.shares.push(share),
        recordForeign: (share) => this.foreign.push(share),
        foreignLogin: (worker) => this.strangers.push(worker),
        gpuOf: (worker) => (worker.startsWith("rig.") ? `GPU-${worker}` : undefined),
        ownerOf: (login) => (login.startsWith("rig.") ? login : undefined),
      },
      { dialect, algorithm, clock: this.clock },
    );
  }

  open(name = "a", changes: Partial<Pool> = {}): PoolEnd {
    return new PoolEnd(this.miner, pool(name, changes));
  }

  says(...lines: string[]): void {
    for (const line of lines) this.miner.onLine(Buffer.from(`${line}\n`));
  }

  login(extranonce = false): void {
    this.says(call(1, "mining.subscribe", ["agent/1.0"]));
    if (extranonce) this.says(call(9, "mining.extranonce.subscribe", []));
    this.says(call(2, "mining.authorize", ["rig.0", "miner-password"]));
  }

  /** A miner at work on pool a; both logs are empty. */
  static working(extranonce = false): { readonly bench: V1Bench; readonly a: PoolEnd } {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login(extranonce);
    if (extranonce) a.says(answer(9, true));
    a.logsIn();
    bench.toMiner.length = 0;
    a.sent.length = 0;
    a.events.length = 0;
    return { bench, a };
  }
}
