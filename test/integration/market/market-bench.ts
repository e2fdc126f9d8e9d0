import { parseConfig } from "../../../src/config/load.ts";
import type { Payout } from "../../../src/ledger/payouts.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import type { PoolCredit } from "../../../src/market/accounts/pool-accounts.ts";
import { type Market, openMarket } from "../../../src/market/market.ts";
import { freshValue } from "../../../src/market/quote.ts";
import { watts } from "../../../src/units/energy.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { PriceServer } from "../../support/price-server.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { until } from "../../support/until.ts";

const MINING = { coin: "devcoin", algorithm: "sha256d", pools: [{ url: "devpool" }] };
export const MINUTE = 60_000;

/** A market whose sources are on loopback and whose time the test moves. */
export class MarketBench implements AsyncDisposable {
  readonly server: PriceServer;
  readonly directory = new TemporaryDirectory("rigshift market");
  readonly clock = new ManualClock(Date.UTC(2026, 10, 22, 12));
  readonly log: string[] = [];
  /** Every list of payouts that was handed on. */
  readonly paid: (readonly Payout[])[] = [];
  readonly credits: PoolCredit[] = [];
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(server: PriceServer) {
    this.server = server;
  }

  static async start(): Promise<MarketBench> {
    return new MarketBench(await PriceServer.start());
  }

  open(
    sections: { readonly market?: object; readonly electricity?: object; readonly mining?: object },
    load = watts(500),
  ): Market {
    const { directory, clock } = this;
    const market = { privateHosts: ["127.0.0.1"], ...sections.market };
    const config = parseConfig({ version: 1, mining: MINING, ...sections, market }, "test", directory.path);
    const logger = createLogger("warn", (line) => this.log.push(line));
    const opened = openMarket({ config, dataDir: directory.path, clock, logger });
    const use = {
      load: () => load,
      onPayouts: (all: readonly Payout[]) => this.paid.push(all),
      onCredit: (credit: PoolCredit) => this.credits.push(credit),
    };
    this.#running = opened.run(use, this.#stop.signal);
    return opened;
  }

  /** As if the agent ended; another may be opened on the same directory. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#stop = new AbortController();
  }

  source(path = "/") {
    return { shape: "json", url: this.server.url(path), price: "/usd", unit: "USD/TH", everyS: 300 };
  }

  asked(count: number): Promise<void> {
    return until(() => this.server.questions.length >= count);
  }

  priceOf(market: Market, coin = "devcoin"): number | undefined {
    const quote = market.coin({ coin });
    return quote && freshValue(quote, this.clock.now());
  }

  /** Moves on until the source was asked once more. */
  async nextPoll(minutes = 6): Promise<void> {
    const before = this.server.questions.length;
    await until(() => this.clock.waiting >= 2);
    await this.clock.advance(minutes * MINUTE);
    await this.asked(before + 1);
    await until(() => this.clock.waiting >= 2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.server[Symbol.asyncDispose]();
    this.directory[Symbol.dispose]();
  }
}
