import type { RecordedEvent } from "./rig-port.ts";
import type { RigEvent } from "./shapes.ts";

const KEPT = 500;

/** The newest events, numbered, for readers that come back after a broken connection. */
export class EventLog {
  readonly #listeners = new Set<(recorded: RecordedEvent) => void>();
  #events: readonly RecordedEvent[] = [];
  #lastId: number;

  /** Ids go on above `firstId`, so that a reader that outlived the agent does not take new events for old ones. */
  constructor(firstId: number) {
    this.#lastId = firstId;
  }

  push(event: RigEvent): void {
    this.#lastId++;
    const recorded = { id: this.#lastId, event };
    this.#events = [...this.#events.slice(1 - KEPT), recorded];
    for (const listener of this.#listeners) listener(recorded);
  }

  after(id: number): readonly RecordedEvent[] {
    return this.#events.filter((recorded) => recorded.id > id);
  }

  subscribe(listener: (recorded: RecordedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
