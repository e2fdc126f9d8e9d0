import { describe, expect, test } from "vitest";
import { JobBook, type StratumJob } from "../../../../src/mining/stratum/jobs.ts";
import { parseLine, parseSubscribed } from "../../../../src/mining/stratum/parser.ts";
import { isVerdict, toVerdict, verifyShare } from "../../../../src/mining/stratum/verdict.ts";
import { difficulty } from "../../../../src/units/work.ts";
import { readRecorded, recordedData } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

describe("toVerdict", () => {
  const refusals = [
    [21, "Job not found", "stale"],
    [22, "Duplicate share", "duplicate"],
    [23, "Low difficulty share", "low-difficulty"],
    [24, "Unauthorized worker", "rejected"],
    [25, "Not subscribed", "rejected"],
    [20, "Other", "rejected"],
    [20, "Stale share", "stale"],
    [-1, "Low difficulty share", "low-difficulty"],
    [20, "Above target 2", "low-difficulty"],
    [2, "duplicate", "duplicate"],
    [20, "Job expired", "stale"],
    [21, "duplicate or stale", "stale"],
  ] as const;
  for (const [code, message, verdict] of refusals)
    test(`${code} "${message}" is ${verdict}`, () => {
      expect(toVerdict({ code, message })).toBe(verdict);
    });
});

const withFields = (job: StratumJob) => ({ ...job, fields: job });

/** Bitcoin's genesis block as a pool's job. */
function genesisJob(wanted: number) {
  const book = new JobBook();
  book.announceDifficulty(difficulty(wanted));
  book.announceExtranonce({ extranonce1: "54686520", extranonce2Size: 4 });
  book.add({
    id: "g",
    prevHash: "0".repeat(64),
    coinb1: "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d010445",
    coinb2:
      "732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000",
    branches: [],
    version: "00000001",
    nbits: "1d00ffff",
    ntime: "495fab29",
    cleanJobs: true,
  });
  const job = book.find("g");
  if (!job) throw new Error("the job is lost");
  return job;
}
const genesisShare = { job: "g", extranonce2: "54696d65", ntime: "495fab29", nonce: "7c2bac1d" };

describe("verifyShare", () => {
  test("confirms a share that meets the difficulty of its job", () => {
    expect(verifyShare("sha256d", withFields(genesisJob(1)), genesisShare, 0)).toBe(true);
    expect(verifyShare("sha256d", withFields(genesisJob(2536)), genesisShare, 0)).toBe(true);
  });

  test("denies the same share under a difficulty it does not meet", () => {
    expect(verifyShare("sha256d", withFields(genesisJob(2537)), genesisShare, 0)).toBe(false);
  });

  test("denies a share with another nonce, time or extranonce", () => {
    const changes = [{ nonce: "7c2bac1e" }, { ntime: "495fab2a" }, { extranonce2: "54696d66" }];
    for (const change of changes)
      expect(verifyShare("sha256d", withFields(genesisJob(1)), { ...genesisShare, ...change }, 0)).toBe(false);
  });

  const folder = "07-stratum-and-miner-api/stratum-v1";
  const session = `${folder}/publicpool_testnet_session.jsonl`;
  testWith(recordedData(session), "confirms a share of a recorded session, but only with its rolled version", () => {
    const lines = readRecorded(session).split("\n").filter(Boolean);
    const messages = lines.map((line) => parseLine((JSON.parse(line) as { line: string }).line));
    const book = new JobBook();
    for (const message of messages) {
      if (message.kind === "response" && message.id === 1) book.announceExtranonce(parseSubscribed(message.result));
      if (message.kind === "set-difficulty") book.announceDifficulty(message.difficulty);
      if (message.kind === "notify") book.add(message.job);
    }
    const share = messages.find((message) => message.kind === "submit");
    const job = share?.kind === "submit" ? book.find(share.submit.job) : undefined;
    if (share?.kind !== "submit" || !job) throw new Error("the recording holds no share");
    expect(job.difficulty).toBe(512);
    expect(verifyShare("sha256d", withFields(job), share.submit, 0x1fffe000)).toBe(true);
    expect(verifyShare("sha256d", withFields(job), share.submit, 0)).toBe(false);
  });
});

test("only a yes, a status and a refusal are answers to shares", () => {
  const refusal = { code: 20, message: "no" };
  for (const result of [true, { status: "OK" }]) expect(isVerdict({ result })).toBe(true);
  expect(isVerdict({ result: null, refusal })).toBe(true);
  for (const result of [["00"], "1.2", 7, {}, { status: 1 }, undefined]) expect(isVerdict({ result })).toBe(false);
});
