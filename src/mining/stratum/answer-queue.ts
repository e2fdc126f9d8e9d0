import type { StratumId } from "./fields.ts";

/**
 * Requests that wait for their answers. Ids need not be unique (some clients use the method's name as id),
 * so the answers of one id are taken in the order of its requests.
 */
export class AnswerQueue<Item> {
  readonly #byId = new Map<string, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  expect(id: StratumId, item: Item): void {
    const key = String(id);
    const queue = this.#byId.get(key);
    if (queue) queue.push(item);
    else this.#byId.set(key, [item]);
    this.#size++;
  }

  /** The oldest request of that id, which is then no longer waited for; a pool may turn 7 into "7". */
  take(id: StratumId): Item | undefined {
    const [first] = this.#byId.get(String(id)) ?? [];
    if (first !== undefined) this.drop(id, first);
    return first;
  }

  drop(id: StratumId, item: Item): void {
    const key = String(id);
    const queue = this.#byId.get(key) ?? [];
    const rest = queue.filter((other) => other !== item);
    this.#size -= queue.length - rest.length;
    if (rest.length > 0) this.#byId.set(key, rest);
    else this.#byId.delete(key);
  }

  all(): Item[] {
    return [...this.#byId.values()].flat();
  }

  clear(): void {
    this.#byId.clear();
    this.#size = 0;
  }
}
