interface Running {
  readonly cut: AbortController;
  readonly done: Promise<void>;
}

/** What goes on beside the looks at one GPU, one thing at a time. Owned by the GPU's custody. */
export class Beside {
  #running: Running | undefined;
  #fault: { readonly error: unknown } | undefined;

  /** Begins nothing where something goes on already; throws what the one before threw. */
  begin(act: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): void {
    this.rethrow();
    if (this.#running !== undefined) return;
    const cut = new AbortController();
    const done = act(AbortSignal.any([signal, cut.signal]))
      .catch((error: unknown) => {
        this.#fault = { error };
      })
      .finally(() => {
        this.#running = undefined;
      });
    this.#running = { cut, done };
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Throws once what something threw that nobody waited for. */
  rethrow(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault.error;
  }

  /** Resolves once nothing goes on any more, which is waited for until `signal` fires, and then cut. */
  async end(signal: AbortSignal): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const cut = () => running.cut.abort();
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    await running.done.finally(() => signal.removeEventListener("abort", cut));
  }
}
