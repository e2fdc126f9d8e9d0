import { expect, test } from "vitest";
import { Beside } from "../../../src/rig/beside.ts";

const NEVER = new AbortController().signal;
const cutWhen = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

test("nothing is begun while something goes on", async () => {
  const beside = new Beside();
  const first = Promise.withResolvers<void>();
  const begun: string[] = [];
  const begin = (name: string, done: Promise<void>) =>
    beside.begin(() => {
      begun.push(name);
      return done;
    }, NEVER);
  begin("first", first.promise);
  begin("second", Promise.resolve());
  expect([begun, beside.isBusy]).toEqual([["first"], true]);
  first.resolve();
  await beside.end(NEVER);
  begin("third", Promise.resolve());
  await beside.end(NEVER);
  expect([begun, beside.isBusy]).toEqual([["first", "third"], false]);
});

test("what goes on is waited for until the time is over, and then cut", async () => {
  const beside = new Beside();
  const over = new AbortController();
  let isEnded = false;
  beside.begin(cutWhen, NEVER);
  const end = beside.end(over.signal).then(() => {
    isEnded = true;
  });
  await Promise.resolve();
  expect([beside.isBusy, isEnded]).toEqual([true, false]);
  over.abort();
  await end;
  expect(beside.isBusy).toBe(false);
});

test("what it throws is thrown once to whoever comes next", async () => {
  const beside = new Beside();
  beside.begin(() => Promise.reject(new Error("the ledger cannot be written")), NEVER);
  await beside.end(NEVER);
  expect(() => beside.rethrow()).toThrow("cannot be written");
  beside.rethrow();
});
