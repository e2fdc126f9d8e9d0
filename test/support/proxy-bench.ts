import type { ShareRow } from "../../src/ledger/rows.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import type { PoolTarget } from "../../src/mining/stratum/pool-url.ts";
import {
  type StratumProxy,
  type StratumProxyOptions,
  startStratumProxy,
  type UpstreamState,
} from "../../src/mining/stratum/proxy.ts";
import { LineClient } from "./line-client.ts";

/** A running proxy with everything it reported; the worker `rig.0` is registered. */
export class ProxyBench implements AsyncDisposable {
  readonly shares: ShareRow[] = [];
  readonly states: UpstreamState[] = [];
  readonly #clients: LineClient[] = [];
  #waiting: (() => void)[] = [];
  #proxy: StratumProxy | undefined;

  static async start(
    pools: readonly Pick<PoolTarget, "url" | "reconnectHosts">[],
    options: Partial<StratumProxyOptions> & { readonly clock?: Clock } = {},
  ): Promise<ProxyBench> {
    const bench = new ProxyBench();
    bench.#proxy = await startStratumProxy({
      listen: { host: "127.0.0.1", port: 0 },
      pools: pools.map(({ url, reconnectHosts }, i) => ({
        url,
        user: `wallet.${i}`,
        password: `secret-${i}`,
        ...(reconnectHosts === undefined ? {} : { reconnectHosts }),
      })),
      clock: systemClock,
      logger: silentLogger,
      onShare: (share) => {
        bench.shares.push(share);
        bench.#wake();
      },
      onUpstream: (state) => {
        bench.states.push(state);
        bench.#wake();
      },
      ...options,
    });
    bench.proxy.register("rig.0", "GPU-0");
    return bench;
  }

  get proxy(): StratumProxy {
    if (!this.#proxy) throw new Error("the proxy is not running");
    return this.#proxy;
  }

  async client(): Promise<LineClient> {
    const client = await LineClient.open(this.proxy.port);
    this.#clients.push(client);
    return client;
  }

  /** A client that is logged in and has work. */
  async miner(options: { readonly extranonce: boolean } = { extranonce: true }): Promise<LineClient> {
    const client = await this.client();
    await client.login("rig.0", options);
    return client;
  }

  /** Resolves once `check` holds; looked at after every share and every change of state. */
  async until(check: (bench: ProxyBench) => boolean): Promise<void> {
    while (!check(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async share(index = 0): Promise<ShareRow> {
    await this.until(({ shares }) => shares.length > index);
    const share = this.shares[index];
    if (!share) throw new Error("the share is lost");
    return share;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.proxy.close();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export const submitOf = (id: unknown, job: string, worker = "rig.0") => ({
  id,
  method: "mining.submit",
  params: [worker, job, "00000001", "68e5a000", "deadbeef"],
});
