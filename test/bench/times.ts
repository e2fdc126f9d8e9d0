/** Milliseconds by what was timed. */
export class Times {
  readonly #of = new Map<string, number[]>();

  add(what: string, ms: number): void {
    this.#of.set(what, [...(this.#of.get(what) ?? []), ms]);
  }

  async time(what: string, work: () => Promise<unknown>): Promise<void> {
    const began = performance.now();
    await work();
    this.add(what, performance.now() - began);
  }

  at(what: string, part: number): number {
    const sorted = (this.#of.get(what) ?? []).toSorted((a, b) => a - b);
    return Math.round((sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN) * 10) / 10;
  }

  count(what: string): number {
    return this.#of.get(what)?.length ?? 0;
  }
}
