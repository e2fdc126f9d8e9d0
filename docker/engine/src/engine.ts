import { ApiError } from "./errors.ts";
import { type Finished, generate, type Usage } from "./generation.ts";
import type { LoadedModel } from "./model.ts";
import type { Prompt } from "./prompt.ts";
import { FifoQueue } from "./queue.ts";
import type { GenerationSettings } from "./request.ts";

const QUEUE_CAPACITY = 64;

/** Owns the one sequence of the loaded model: every generation passes through its queue. */
export class Engine {
  readonly loaded: LoadedModel;
  readonly #queue = new FifoQueue(QUEUE_CAPACITY);
  readonly #stopping = new AbortController();
  #completed = 0;
  #tokensIn = 0;
  #tokensOut = 0;

  constructor(loaded: LoadedModel) {
    this.loaded = loaded;
  }

  get status() {
    const { backend, threads, name, contextTokens } = this.loaded;
    return {
      backend,
      threads,
      model: name,
      contextTokens,
      busy: this.#queue.busy,
      queued: this.#queue.queued,
      completedTotal: this.#completed,
      tokensInTotal: this.#tokensIn,
      tokensOutTotal: this.#tokensOut,
    };
  }

  requireModel(name: string): void {
    if (name === this.loaded.name) return;
    throw new ApiError({
      status: 404,
      message: `the model "${name}" does not exist here; this engine has "${this.loaded.name}"`,
      code: "model_not_found",
      param: "model",
    });
  }

  /** Gives the text to `write` piece by piece, from the moment the engine is free; rejects when the signal aborts. */
  run(
    { prompt, settings }: { prompt: Prompt; settings: GenerationSettings },
    { begin, write }: { begin: () => void; write: (text: string) => void },
    client: AbortSignal,
  ): Promise<Finished> {
    const signal = AbortSignal.any([client, this.#stopping.signal]);
    return this.#queue.run(signal, async () => {
      const usage: Usage = { promptTokens: 0, completionTokens: 0 };
      const pieces = generate(this.loaded, { prompt, settings, usage }, signal);
      try {
        begin();
        for (;;) {
          const piece = await pieces.next();
          if (piece.done) {
            this.#completed++;
            return { ...usage, finishReason: piece.value };
          }
          if (piece.value !== "") write(piece.value);
        }
      } finally {
        await pieces.return("stop");
        this.#tokensIn += usage.promptTokens;
        this.#tokensOut += usage.completionTokens;
      }
    });
  }

  /** Aborts what runs and waits; resolves when the native code is at rest. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    while (this.#queue.busy) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
