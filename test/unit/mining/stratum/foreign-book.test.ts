import { expect, test } from "vitest";
import { ForeignBook } from "../../../../src/mining/stratum/foreign-book.ts";
import { unixMs } from "../../../../src/units/time.ts";

const share = { pool: "stratum+tcp://a:1", worker: "fee", expectedHashes: 100 } as const;

test("counts what went to each wallet that is not the rig's own", () => {
  const book = new ForeignBook();
  book.open("fee", unixMs(1));
  for (const verdict of ["accepted", "accepted", "stale", "unknown"] as const)
    book.add({ ...share, verdict }, unixMs(5));
  book.open("fee", unixMs(9));
  expect(book.accounts).toEqual([
    { worker: "fee", accepted: 2, rejected: 1, unknown: 1, expectedHashes: 200, since: 1, last: 5 },
  ]);
});

test("moves a share that is answered late from the unknown ones", () => {
  const book = new ForeignBook();
  book.add({ ...share, verdict: "unknown" }, unixMs(1));
  book.add({ ...share, verdict: "accepted", isLate: true }, unixMs(2));
  expect(book.accounts).toMatchObject([{ accepted: 1, unknown: 0, expectedHashes: 100 }]);
});

test("counts a share of a name that never logged in", () => {
  const book = new ForeignBook();
  book.add({ ...share, worker: "rig.o", verdict: "rejected" }, unixMs(5));
  expect(book.accounts).toMatchObject([{ worker: "rig.o", rejected: 1, since: 5 }]);
});

test("keeps 64 wallets at most, whoever logs in", () => {
  const book = new ForeignBook();
  for (let i = 0; i < 1000; i++) book.open(`w${i}`, unixMs(i));
  book.add({ ...share, worker: "w999", verdict: "accepted" }, unixMs(2));
  expect(book.accounts).toHaveLength(64);
});

test("says of a name once that it is new, and of none where there is no room for it", () => {
  const book = new ForeignBook();
  const opened = Array.from({ length: 100 }, (_, i) => [
    book.open(`fee${i}`, unixMs(1)),
    book.open(`fee${i}`, unixMs(2)),
  ]);
  expect(opened.flat().filter((isNew) => isNew)).toHaveLength(64);
});
