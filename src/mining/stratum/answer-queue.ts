import type { StratumId } from "./fields.ts";

/**
 * Requests that wait for their answers. Ids need not be unique (some clients use the method's name as id),
 * so the answers of one id are taken in the order of its requests.
 */
export class AnswerQueue<Item> {
  /** Only while something waits: of thousands of connections most have nothing. */
  #byId: Map<string, Item[]> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  expect(id: StratumId, item: Item): void {
    this.#byId ??= new Map();
    const key = String(id);
    const queue = this.#byId.get(key);
    if (queue) queue.push(item);
    else this.#byId.set(key, [item]);
    this.#size++;
  }

  /** The oldest request of that id; a pool may turn 7 into "7". */
  next(id: StratumId): Item | undefined {
    return this.#byId?.get(String(id))?.[0];
  }

  /** The oldest request of that id, which is then no longer waited for. */
  take(id: StratumId): Item | undefined {
    const first = this.next(id);
    if (first !== undefined) this.drop(id, first);
    return first;
  }

  drop(id: StratumId, item: Item): void {
    const rest = this.#byId?.get(String(id))?.filter((other) => other !== item) ?? [];
    this.#replace(id, rest);
  }

  /** Every request of that id. */
  forget(id: StratumId): void {
    this.#replace(id, []);
  }

  all(): Item[] {
    return this.#byId ? [...this.#byId.values()].flat() : [];
  }

  clear(): void {
    this.#byId = undefined;
    this.#size = 0;
  }

  #replace(id: StratumId, rest: Item[]): void {
    const key = String(id);
    this.#size -= (this.#byId?.get(key)?.length ?? 0) - rest.length;
    if (rest.length > 0) this.#byId?.set(key, rest);
    else this.#byId?.delete(key);
    if (this.#size === 0) this.#byId = undefined;
  }
}
