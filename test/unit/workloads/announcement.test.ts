import fc from "fast-check";
import { expect, test } from "vitest";
import { LONGEST_ANNOUNCEMENT, parseAnnouncement } from "../../../src/workloads/announcement.ts";

const line = (fields: object) => JSON.stringify({ event: "listening", host: "127.0.0.1", port: 4711, ...fields });

test("an announcement tells where the child listens, and keeps what else it says as facts", () => {
  expect(parseAnnouncement(line({ backend: "cpu", n: 1 }))).toEqual({
    kind: "announced",
    where: { host: "127.0.0.1", port: 4711, facts: { backend: "cpu", n: 1 } },
  });
});

const rows: readonly (readonly [title: string, line: string, reason: string])[] = [
  ["an empty line", "", "its first line is no JSON object: "],
  ["text", "Loading model…", "its first line is no JSON object: Loading model…"],
  ["a list", "[1]", "its first line is no JSON object: [1]"],
  ["another event", line({ event: "ready" }), 'announcement.event: wanted "listening"'],
  ["a port of 0", line({ port: 0 }), "announcement.port: wanted a port from 1 to 65535"],
  ["a port as text", line({ port: "80" }), "announcement.port: wanted a port from 1 to 65535"],
  ["another machine", line({ host: "203.0.113.9" }), "announcement.host: wanted a loopback address"],
  [
    "a name that could be another machine",
    line({ host: "127.0.0.1.example.org" }),
    "announcement.host: wanted a loopback address",
  ],
  ["an endless line", "x".repeat(LONGEST_ANNOUNCEMENT), "its first line is longer than 65536 characters"],
];
for (const [title, text, reason] of rows)
  test(`${title} is garbage, and the reason names what was wanted`, () => {
    expect(parseAnnouncement(text)).toEqual({ kind: "garbage", reason });
  });

test("garbage cannot move the cursor of the operator's terminal", () => {
  const parsed = parseAnnouncement("\u001b[2J\u0007hello");
  expect(parsed).toEqual({ kind: "garbage", reason: "its first line is no JSON object: [2J hello" });
});

test("whatever a child writes, the answer is an announcement or a reason", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.dictionary(fc.string(), fc.jsonValue()).map(line)), (text) => {
      expect(["announced", "garbage"]).toContain(parseAnnouncement(text).kind);
    }),
  );
});
