import type { InferenceAnswer, InferenceRoute } from "../../../src/inference/answer.ts";
import { type CompletionBook, createCompletionBook } from "../../../src/inference/completion-book.ts";
import { objectToFields } from "../../../src/inference/engines/built-in-fields.ts";
import { createGateway, type Service } from "../../../src/inference/gateway.ts";
import type { JobRow } from "../../../src/ledger/job-reads.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import { createLogger, silentLogger } from "../../../src/lib/logger.ts";
import { usdPerMillionTokens } from "../../../src/units/money.ts";
import { FakeGpuPort } from "../../support/fake-gpu-port.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { ScriptedEngine } from "../../support/scripted-engine.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const CHAT: InferenceRoute = "/v1/chat/completions";
const NEVER = new AbortController().signal;
export const hello = (changes: Readonly<Record<string, unknown>> = {}) => ({
  model: "tiny",
  messages: [{ role: "user", content: "hello" }],
  ...changes,
});

/** A gateway over a real engine process's protocol, a real ledger file and a GPU that does as told. */
export class GatewayHarness implements AsyncDisposable {
  readonly engine: ScriptedEngine;
  readonly gpus: FakeGpuPort;
  readonly ledger: Ledger;
  readonly clock = new ManualClock(T0);
  readonly faults: unknown[] = [];
  readonly log: string[] = [];
  /** Thrown by the ledger from now on, as by one whose disk is full. */
  ledgerFault: Error | undefined;
  service: Service | undefined = {
    model: "tiny",
    contextTokens: 1000,
    usualTokensOut: 100,
    routes: new Set(["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]),
    objectTo: (route, body) => (route === CHAT ? objectToFields(route, body) : undefined),
    prices: { input: usdPerMillionTokens(0.5), output: usdPerMillionTokens(1.5) },
  };
  client = "somebody";
  readonly #directory = new TemporaryDirectory("rigshift-gateway");
  readonly #gateway: ReturnType<typeof createGateway>;

  private constructor(engine: ScriptedEngine) {
    this.engine = engine;
    this.gpus = new FakeGpuPort(engine.base);
    this.ledger = openLedger(this.#directory.path, { clock: this.clock, logger: silentLogger });
    this.#gateway = createGateway({
      service: () => this.service,
      gpus: this.gpus,
      book: this.#book(createCompletionBook(this.ledger, this.clock)),
      clock: this.clock,
      logger: createLogger("debug", (line) => this.log.push(line)),
      onFault: (error) => this.faults.push(error),
    });
  }

  #book(book: CompletionBook): CompletionBook {
    const check = () => {
      if (this.ledgerFault) throw this.ledgerFault;
    };
    return {
      queued: (...row) => {
        check();
        book.queued(...row);
      },
      running: (...row) => {
        check();
        book.running(...row);
      },
      end: (...row) => {
        check();
        book.end(...row);
      },
    };
  }

  static async start(): Promise<GatewayHarness> {
    return new GatewayHarness(await ScriptedEngine.start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
    this.ledger.close();
    this.#directory[Symbol.dispose]();
  }

  get models(): unknown {
    return this.#gateway.models();
  }

  ask(body: unknown, signal = NEVER, route = CHAT): Promise<InferenceAnswer> {
    return this.#gateway.answer(route, body, signal, this.client);
  }

  get jobs(): readonly JobRow[] {
    return this.ledger.jobs.listJobs({ limit: 1000 });
  }

  /** The only job, with the states it went through. */
  get job(): JobRow & { readonly states: readonly string[]; readonly reason: string | undefined } {
    const [job, ...others] = this.jobs;
    if (job === undefined || others.length > 0) throw new Error(`there are ${this.jobs.length} jobs, not one`);
    const states = this.ledger.jobs.listStates(job.id);
    return { ...job, states: states.map(({ state }) => state), reason: states.at(-1)?.reason };
  }
}

/** The events of a streamed answer. */
export function chunksOf(answer: InferenceAnswer): AsyncIterable<Uint8Array> {
  if (answer.kind === "stream") return answer.chunks;
  throw new Error(`the answer is no stream but ${JSON.stringify(answer)}`);
}

export const textOf = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString("utf8");
