import type { ProcessJournal, ProcessRow } from "../../src/workloads/leftovers.ts";

/** A process journal that forgets everything with the test, and can be told to fail. */
export class MemoryJournal implements ProcessJournal {
  readonly rows = new Map<string, ProcessRow>();
  fault: Error | undefined;

  remember(row: ProcessRow): void {
    if (this.fault) throw this.fault;
    this.rows.set(row.name, row);
  }

  forget(name: string): void {
    if (this.fault) throw this.fault;
    this.rows.delete(name);
  }

  list(): readonly ProcessRow[] {
    return [...this.rows.values()];
  }
}
