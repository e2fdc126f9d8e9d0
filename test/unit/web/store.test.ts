import { expect, test } from "vitest";
import { createStore } from "../../../src/web/store.ts";
import { fakeRig } from "../../support/fake-rig-port.ts";

test("many actions are one repaint, and each is in force at once", () => {
  const scheduled: (() => void)[] = [];
  const store = createStore((run) => scheduled.push(run));
  let repaints = 0;
  store.subscribe(() => {
    repaints += 1;
  });
  for (let atMs = 0; atMs < 600; atMs += 1) store.dispatch({ type: "loaded", rig: fakeRig({ nowMs: atMs }), atMs });
  expect(store.get().rig?.nowMs).toBe(599);
  expect([scheduled.length, repaints]).toEqual([1, 0]);
  scheduled[0]?.();
  expect(repaints).toBe(1);
  store.dispatch({ type: "alive", atMs: 600 });
  expect(scheduled).toHaveLength(2);
});

test("a listener that left hears nothing more", () => {
  const store = createStore((run) => run());
  let heard = 0;
  const leave = store.subscribe(() => {
    heard += 1;
  });
  store.dispatch({ type: "alive", atMs: 1 });
  leave();
  store.dispatch({ type: "alive", atMs: 2 });
  expect(heard).toBe(1);
});
