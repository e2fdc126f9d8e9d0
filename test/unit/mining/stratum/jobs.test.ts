import { expect, test } from "vitest";
import { JobBook } from "../../../../src/mining/stratum/jobs.ts";
import { difficulty } from "../../../../src/units/work.ts";

const fields = (id: string, cleanJobs = false) => ({
  id,
  prevHash: "00".repeat(32),
  coinb1: "",
  coinb2: "",
  branches: [],
  version: "20000000",
  nbits: "1d00ffff",
  ntime: "68e5a000",
  cleanJobs,
});

test("a job keeps the difficulty it was sent under when a new one is announced", () => {
  const book = new JobBook();
  book.announceDifficulty(difficulty(512));
  book.add(fields("a"));
  book.announceDifficulty(difficulty(1024));
  expect(book.find("a")?.difficulty).toBe(512);
  expect(book.difficulty).toBe(1024);
  book.add(fields("b"));
  expect(book.find("b")?.difficulty).toBe(1024);
});

test("difficulty is 1 until the pool says otherwise", () => {
  const book = new JobBook();
  book.add(fields("a"));
  expect(book.current?.difficulty).toBe(1);
});

test("a new extranonce counts from the next job on", () => {
  const book = new JobBook();
  book.announceExtranonce({ extranonce1: "aa", extranonce2Size: 4 });
  book.add(fields("a"));
  book.announceExtranonce({ extranonce1: "bb", extranonce2Size: 8 });
  expect(book.find("a")?.extranonce1).toBe("aa");
  book.add(fields("b"));
  expect(book.find("b")?.extranonce1).toBe("bb");
  expect(book.extranonce).toEqual({ extranonce1: "bb", extranonce2Size: 8 });
});

test("an id that is sent again stands for the newest job of that id", () => {
  const book = new JobBook();
  book.announceDifficulty(difficulty(1));
  book.add(fields("a"));
  book.announceDifficulty(difficulty(2));
  book.add(fields("a"));
  expect(book.find("a")?.difficulty).toBe(2);
});

test("late shares still find their job after a clean one, but not for ever", () => {
  const book = new JobBook();
  for (let i = 0; i < 65; i++) book.add(fields(`j${i}`, true));
  expect(book.current?.id).toBe("j64");
  expect(book.find("j1")?.id).toBe("j1");
  expect(book.find("j0")).toBeUndefined();
});

test("the lowest difficulty is the least that was ever said, by itself or with a job", () => {
  const book = new JobBook<{ id: string; difficulty?: ReturnType<typeof difficulty> }>();
  expect(book.lowestDifficulty).toBe(1);
  for (const said of [512, 1024]) book.announceDifficulty(difficulty(said));
  expect(book.lowestDifficulty).toBe(512);
  book.add({ id: "a", difficulty: difficulty(256) });
  book.announceDifficulty(difficulty(2048));
  expect(book.lowestDifficulty).toBe(256);
});
