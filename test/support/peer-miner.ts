import { ExtranonceCounter, NonceSearch } from "../../src/mining/reference/nonce-search.ts";
import { difficulty } from "../../src/units/work.ts";
import { openStratumClient, type StratumWork } from "./stratum-client.ts";

/** The independent client with everything it was told; mines when asked. */
export class PeerMiner {
  readonly works: StratumWork[] = [];
  readonly difficulties: number[] = [];
  readonly answers: ("accepted" | [number, string])[] = [];
  authorized: boolean | undefined;
  closed = false;
  readonly #worker: string;
  readonly #client: ReturnType<typeof openStratumClient>;
  readonly #counter = new ExtranonceCounter(0, 1);
  #waiting: (() => void)[] = [];

  constructor(port: number, worker: string) {
    this.#worker = worker;
    const noting =
      <Args extends unknown[]>(note: (...args: Args) => void) =>
      (...args: Args) => {
        note(...args);
        this.#wake();
      };
    this.#client = openStratumClient({
      server: "127.0.0.1",
      port,
      worker,
      password: "x",
      autoReconnectOnError: false,
      onSubscribe: noting(() => {}),
      onAuthorizeSuccess: noting(() => {
        this.authorized = true;
      }),
      onAuthorizeFail: noting(() => {
        this.authorized = false;
      }),
      onNewDifficulty: noting((value) => this.difficulties.push(value)),
      onNewMiningWork: noting((work) => this.works.push(work)),
      onSubmitWorkSuccess: noting(() => this.answers.push("accepted")),
      onSubmitWorkFail: noting((error) =>
        this.answers.push((error as [number, string]).slice(0, 2) as [number, string]),
      ),
      onClose: noting(() => {
        this.closed = true;
      }),
    });
  }

  async until(check: (peer: PeerMiner) => boolean): Promise<void> {
    while (!check(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async work(): Promise<StratumWork> {
    await this.until(({ works }) => works.length > 0);
    const work = this.works.at(-1);
    if (!work) throw new Error("the work is lost");
    return work;
  }

  /** Finds one share of the newest work by real hashing. */
  async find(): Promise<Parameters<ReturnType<typeof openStratumClient>["submit"]>[0]> {
    const work = await this.work();
    const fields = {
      id: work.jobId,
      prevHash: work.prevhash,
      coinb1: work.coinb1,
      coinb2: work.coinb2,
      branches: work.merkle_branch,
      version: work.version,
      nbits: work.nbits,
      ntime: work.ntime,
      cleanJobs: work.clean_jobs,
    };
    const extranonce = { extranonce1: work.extraNonce1, extranonce2Size: work.extraNonce2Size };
    const search = new NonceSearch({ fields, extranonce, difficulty: difficulty(work.miningDiff) }, this.#counter);
    for (;;) {
      const [share] = search.step(10_000);
      if (share) return { worker_name: this.#worker, job_id: work.jobId, ...share };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Submits and resolves with the pool's answer. */
  async submit(share: Parameters<ReturnType<typeof openStratumClient>["submit"]>[0]) {
    const before = this.answers.length;
    this.#client.submit(share);
    await this.until(({ answers }) => answers.length > before);
    return this.answers.at(-1);
  }

  close(): void {
    this.#client.shutdown();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
