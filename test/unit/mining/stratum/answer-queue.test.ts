import { expect, test } from "vitest";
import { AnswerQueue } from "../../../../src/mining/stratum/answer-queue.ts";

test("an answer is matched to its request by id", () => {
  const queue = new AnswerQueue<string>();
  queue.expect(1, "one");
  queue.expect(2, "two");
  expect(queue.take(2)).toBe("two");
  expect(queue.take(1)).toBe("one");
  expect(queue.take(1)).toBeUndefined();
});

test("requests that share an id are answered in their order", () => {
  const queue = new AnswerQueue<number>();
  for (const share of [1, 2, 3]) queue.expect("mining.submit", share);
  expect(["mining.submit", "mining.submit", "mining.submit"].map((id) => queue.take(id))).toEqual([1, 2, 3]);
});

test("a pool that turns the id into text is understood", () => {
  const queue = new AnswerQueue<string>();
  queue.expect(7, "seven");
  expect(queue.take("7")).toBe("seven");
});

test("a request without an id is matched by an answer without one", () => {
  const queue = new AnswerQueue<string>();
  queue.expect(null, "nameless");
  expect(queue.take(null)).toBe("nameless");
});

test("a dropped request is no longer waited for, its neighbours are", () => {
  const queue = new AnswerQueue<string>();
  for (const item of ["a", "b", "c"]) queue.expect(1, item);
  queue.drop(1, "b");
  queue.drop(9, "b");
  expect(queue.all()).toEqual(["a", "c"]);
  expect(queue.size).toBe(2);
});

test("the size follows every request and answer down to nothing", () => {
  const queue = new AnswerQueue<string>();
  queue.expect(1, "a");
  queue.expect(1, "b");
  queue.expect(2, "c");
  expect(queue.size).toBe(3);
  queue.take(1);
  queue.take(5);
  expect(queue.size).toBe(2);
  queue.clear();
  expect([queue.size, queue.all()]).toEqual([0, []]);
});

test("the oldest request of an id is seen before it is taken, and all of one id are forgotten at once", () => {
  const queue = new AnswerQueue<string>();
  for (const item of ["a", "b"]) queue.expect(1, item);
  queue.expect(2, "c");
  expect([queue.next("1"), queue.next(3), queue.size]).toEqual(["a", undefined, 3]);
  queue.forget(1);
  queue.forget(3);
  expect([queue.all(), queue.size]).toEqual([["c"], 1]);
});
