import type { BenchEvent, BenchRequest } from "../../src/api/bench.ts";

/** A benchmark that tells what the test scripted, and records what it was asked. */
export class ScriptedBench {
  events: readonly BenchEvent[] = [];
  /** After the events it lasts until it is broken off. */
  hangs = false;
  /** Thrown before anything is told. */
  fault: Error | undefined;
  /** Thrown after the events. */
  late: Error | undefined;
  readonly asked: BenchRequest[] = [];
  /** How many have ended, however. */
  ended = 0;

  async *run(request: BenchRequest, signal: AbortSignal): AsyncGenerator<BenchEvent, void> {
    this.asked.push(request);
    if (this.fault !== undefined) throw this.fault;
    try {
      yield* this.events;
      if (this.late !== undefined) throw this.late;
      if (this.hangs && !signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    } finally {
      this.ended++;
    }
  }
}
