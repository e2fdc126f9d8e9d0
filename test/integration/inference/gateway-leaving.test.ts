import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LedgerError } from "../../../src/ledger/errors.ts";
import { collect } from "../../support/collect.ts";
import {
  answerAndHang,
  answerEvents,
  DONE,
  neverAnswer,
  textEvent,
  usageEvent,
} from "../../support/scripted-engine.ts";
import { until } from "../../support/until.ts";
import { chunksOf, GatewayHarness, hello, textOf } from "./harness.ts";

let rig: GatewayHarness;
let client: AbortController;
beforeEach(async () => {
  rig = await GatewayHarness.start();
  client = new AbortController();
});
afterEach(() => rig[Symbol.asyncDispose]());

const GONE = "the client went away";
const settled = () => until(() => rig.job.outcome !== undefined && rig.gpus.held === 0);

describe("a client that leaves", () => {
  test("before its request came in is not served", async () => {
    client.abort();
    expect(await rig.ask(hello(), client.signal)).toMatchObject({ error: { status: 499 } });
    expect(rig.job).toMatchObject({ outcome: "cancelled", states: ["queued", "cancelled"] });
    expect([rig.engine.requests, rig.gpus.releases]).toEqual([[], []]);
  });

  test("while it waits gives its place up", async () => {
    rig.gpus.holdsBack = true;
    const asking = rig.ask(hello(), client.signal);
    await until(() => rig.gpus.waiting === 1);
    client.abort();
    expect(await asking).toMatchObject({ kind: "refused", error: { status: 499 } });
    expect(rig.gpus.waiting).toBe(0);
    expect(rig.job).toMatchObject({ outcome: "cancelled", reason: "the client went away while waiting" });
    expect(rig.engine.requests).toEqual([]);
  });

  test("while the engine thinks frees the GPU and the engine at once", async () => {
    rig.engine.script = neverAnswer;
    const asking = rig.ask(hello(), client.signal);
    await until(() => rig.engine.requests.length === 1);
    client.abort();
    expect(await asking).toMatchObject({ error: { status: 499 } });
    expect(rig.job).toMatchObject({ outcome: "cancelled", reason: GONE, revenue: undefined });
    expect(rig.gpus.releases).toHaveLength(1);
    await until(() => rig.engine.abandoned === 1);
    expect(rig.log).toEqual([]);
  });

  test("before it read the first event frees the GPU, though nobody ever reads", async () => {
    rig.engine.script = answerAndHang(textEvent("hel"));
    const answer = await rig.ask(hello({ stream: true }), client.signal);
    expect(answer.kind).toBe("stream");
    client.abort();
    await settled();
    expect(rig.job).toMatchObject({ outcome: "cancelled", reason: GONE, revenue: undefined });
    expect(rig.gpus.releases).toHaveLength(1);
    await until(() => rig.engine.abandoned === 1);
  });

  test("in the middle of a stream frees the GPU once, and hears no error", async () => {
    rig.engine.script = answerAndHang(textEvent("hel"));
    const events = chunksOf(await rig.ask(hello({ stream: true }), client.signal))[Symbol.asyncIterator]();
    await events.next();
    client.abort();
    expect(await events.next()).toMatchObject({ done: true });
    await settled();
    // One token went out, and is paid for; the prompt was never counted.
    expect(rig.job).toMatchObject({ outcome: "cancelled", reason: GONE, tokensOut: 1, revenue: 1500 });
    expect(rig.gpus.releases).toHaveLength(1);
    expect(rig.log).toEqual([]);
  });

  test("by no longer reading, without a signal, is noticed when the edge lets go", async () => {
    rig.engine.script = answerAndHang(textEvent("hel"), textEvent("lo"));
    for await (const _ of chunksOf(await rig.ask(hello({ stream: true })))) break;
    await settled();
    expect(rig.job).toMatchObject({ outcome: "cancelled", tokensOut: 1, revenue: 1500 });
    await until(() => rig.engine.abandoned === 1);
  });

  test("with the whole answer in hand pays for it, however early it hangs up", async () => {
    rig.engine.script = answerAndHang(textEvent("hel"), textEvent("lo"), usageEvent(38, 164), DONE);
    const seen: string[] = [];
    for await (const chunk of chunksOf(await rig.ask(hello({ stream: true }), client.signal))) {
      seen.push(textOf([chunk]));
      if (seen.at(-1) === DONE) client.abort();
    }
    await settled();
    expect(seen).toContain(DONE);
    expect(rig.job).toMatchObject({ outcome: "completed", tokensOut: 164, revenue: 265_000 });
    expect(rig.gpus.releases).toEqual([{ jobId: rig.job.id, tokensOut: 164 }]);
  });

  test("long after the end changes nothing", async () => {
    rig.engine.script = answerEvents(textEvent("a"), usageEvent(1, 1), DONE);
    await collect(chunksOf(await rig.ask(hello({ stream: true }), client.signal)));
    const before = rig.job;
    client.abort();
    expect(rig.job).toEqual(before);
    expect(rig.gpus.releases).toHaveLength(1);
  });
});

describe("a GPU that is taken back", () => {
  test("ends a whole answer with a refusal that says when to come back", async () => {
    rig.engine.script = neverAnswer;
    const asking = rig.ask(hello());
    await until(() => rig.engine.requests.length === 1);
    rig.gpus.revoke();
    expect(await asking).toMatchObject({ error: { status: 503, code: "interrupted", retryAfterS: 5 } });
    expect(rig.job).toMatchObject({ outcome: "interrupted", reason: "the drain deadline passed", revenue: undefined });
    expect(rig.gpus.releases).toHaveLength(1);
    await until(() => rig.engine.abandoned === 1);
  });

  test("ends a stream with an error that the client can read", async () => {
    rig.engine.script = answerAndHang(textEvent("hel"));
    const events = chunksOf(await rig.ask(hello({ stream: true })))[Symbol.asyncIterator]();
    await events.next();
    rig.gpus.revoke();
    const last = await events.next();
    expect(textOf([last.value])).toContain('"code":"interrupted"');
    expect(await events.next()).toMatchObject({ done: true });
    expect(rig.job).toMatchObject({ outcome: "interrupted", revenue: undefined });
    expect(rig.gpus.releases).toHaveLength(1);
  });

  test("does not wait for a reader that stands still", async () => {
    rig.engine.script = answerAndHang(textEvent("hel"));
    const events = chunksOf(await rig.ask(hello({ stream: true })))[Symbol.asyncIterator]();
    await events.next();
    rig.gpus.revoke();
    await settled();
    expect(rig.job.outcome).toBe("interrupted");
    expect(rig.gpus.releases).toHaveLength(1);
  });
});

describe("a ledger that cannot be written", () => {
  const REFUSED = { kind: "refused", error: { status: 503, code: "not_recorded", retryAfterS: 30 } };
  const full = new LedgerError("the disk is full", { code: "ERR_LEDGER_FULL" });

  test("refuses the request before the engine hears of it, gives the GPU back and tells the agent", async () => {
    rig.ledgerFault = full;
    expect(await rig.ask(hello())).toMatchObject(REFUSED);
    expect(rig.engine.requests).toEqual([]);
    expect(rig.gpus.held).toBe(0);
    expect(rig.faults).toEqual([full]);
  });

  test("takes a waiting request back out of the queue", async () => {
    rig.gpus.holdsBack = true;
    rig.ledgerFault = full;
    expect(await rig.ask(hello())).toMatchObject(REFUSED);
    expect(rig.gpus.waiting).toBe(0);
  });

  test("while a request waited gives the GPU back as soon as it comes", async () => {
    rig.gpus.holdsBack = true;
    const asking = rig.ask(hello());
    await until(() => rig.gpus.waiting === 1);
    rig.ledgerFault = full;
    rig.gpus.grantAll();
    expect(await asking).toMatchObject(REFUSED);
    expect([rig.gpus.held, rig.engine.requests, rig.faults]).toEqual([0, [], [full]]);
  });

  test("by the time of the answer keeps the answer back: it could not be charged", async () => {
    rig.engine.script = (_request, response) => {
      rig.ledgerFault = full;
      response.end("{}");
    };
    expect(await rig.ask(hello())).toMatchObject(REFUSED);
    expect([rig.gpus.held, rig.faults]).toEqual([0, [full]]);
  });

  test("at the end of a stream is told, and the GPU comes back", async () => {
    rig.engine.script = answerEvents(textEvent("a"), usageEvent(1, 1), DONE);
    const answer = await rig.ask(hello({ stream: true }));
    rig.ledgerFault = full;
    const seen = textOf(await collect(chunksOf(answer)));
    expect(seen.startsWith(textEvent("a"))).toBe(true);
    expect(seen).toContain('"not_recorded"');
    expect(seen).not.toContain(DONE);
    expect(rig.gpus.held).toBe(0);
    expect(rig.faults).toContain(full);
  });

  test("at the admission is told, and the job ends as failed", async () => {
    rig.gpus.admissionFault = full;
    expect(await rig.ask(hello())).toMatchObject(REFUSED);
    expect(rig.job).toMatchObject({ outcome: "failed", reason: "the disk is full" });
    expect(rig.faults).toContain(full);
  });

  test("at the release is told, and the job ends all the same", async () => {
    rig.gpus.releaseFault = full;
    expect(await rig.ask(hello())).toMatchObject(REFUSED);
    expect(rig.job).toMatchObject({ outcome: "completed" });
    expect(rig.faults).toContain(full);
  });
});

test("a fault that is not the ledger's is this request's alone, and is logged", async () => {
  rig.gpus.admissionFault = new Error("window cmpl-1 is open already");
  expect(await rig.ask(hello())).toMatchObject({ error: { status: 503 } });
  expect(rig.faults).toEqual([]);
  expect(rig.log.join("")).toContain('reason="window cmpl-1 is open already"');
  expect(rig.job.outcome).toBe("failed");
});
