import type { CliContext } from "./context.ts";

const BAR = 30;

/** How far benchmarks have come: a bar where somebody watches, else a line whenever one of them does something else. */
export class BenchProgress {
  readonly #context: CliContext;
  readonly #parts = new Map<string, number>();
  readonly #told = new Map<string, string>();

  constructor(gpus: readonly string[], context: CliContext) {
    this.#context = context;
    for (const gpu of gpus) this.#parts.set(gpu, 0);
  }

  /** `part` is 0 to 1. */
  tell(gpu: string, doing: string, part: number): void {
    const { isTerminal, printError } = this.#context;
    this.#parts.set(gpu, part);
    if (isTerminal) {
      const parts = [...this.#parts.values()];
      const whole = parts.reduce((sum, one) => sum + one, 0) / parts.length;
      const full = Math.round(Math.min(1, whole) * BAR);
      const words = doing.length > 40 ? `${doing.slice(0, 39)}…` : doing;
      printError(`\r\x1b[K${"█".repeat(full)}${"░".repeat(BAR - full)} ${(whole * 100).toFixed(0)} % ${words}`);
    } else if (this.#told.get(gpu) !== doing) {
      this.#told.set(gpu, doing);
      printError(`${gpu}: ${doing}\n`);
    }
  }

  done(gpu: string): void {
    this.#parts.set(gpu, 1);
  }

  /** Clears the bar. */
  end(): void {
    if (this.#context.isTerminal) this.#context.printError("\r\x1b[K");
  }
}
