import { setTimeout } from "node:timers/promises";

/** Waits for something outside this process to become true; fails after `withinMs`. */
export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`not true within ${withinMs} ms: ${isTrue}`);
    await setTimeout(5);
  }
}
