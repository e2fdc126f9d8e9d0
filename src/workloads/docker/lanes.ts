/** One thing at a time under each name, in the order asked; a stop cuts short the starts that wait or run. */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #starts = new Map<string, Set<AbortController>>();

  /** Runs `work` once everything asked before under `name` is done. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    const done = Promise.withResolvers<void>();
    const tail = before.then(() => done.promise);
    this.#tails.set(name, tail);
    await before;
    try {
      return await work();
    } finally {
      done.resolve();
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }

  /** Like `run`, for a start: `work`'s signal fires with `signal` and when the start is cut short. */
  async start<T>(name: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cut = new AbortController();
    const starts = this.#starts.get(name) ?? new Set();
    this.#starts.set(name, starts.add(cut));
    try {
      return await this.run(name, () => work(AbortSignal.any([signal, cut.signal])));
    } finally {
      starts.delete(cut);
      if (starts.size === 0 && this.#starts.get(name) === starts) this.#starts.delete(name);
    }
  }

  cut(name: string): void {
    for (const start of this.#starts.get(name) ?? []) start.abort();
  }

  /** Cuts every start short and resolves once nothing runs any more. */
  async close(): Promise<void> {
    for (const name of this.#starts.keys()) this.cut(name);
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
