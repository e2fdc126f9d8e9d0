import { beforeEach, describe, expect, test } from "vitest";
import { RequestQueue } from "../../../src/rig/request-queue.ts";
import { usdNano } from "../../../src/units/money.ts";
import { seconds, unixMs } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { askThrough, grantOf } from "../../support/queued-request.ts";
import { ScriptedGate } from "./scripted-gate.ts";

const NEVER = new AbortController().signal;

let clock: ManualClock;
let gate: ScriptedGate;
let changes: number;
let queue: RequestQueue;
beforeEach(() => {
  clock = new ManualClock(T0);
  gate = new ScriptedGate();
  changes = 0;
  queue = new RequestQueue({
    gpu: GPU_A,
    clock,
    maxWait: seconds(30),
    limit: 3,
    onChange: () => {
      changes++;
    },
  });
});

const ask = askThrough(() => queue);

const facts = () => {
  const { waiting, active, worth } = queue.facts();
  return { waiting, active, worth };
};

describe("a request at a closed gate", () => {
  test("waits, counts with its worth and its time, and rouses the loop", async () => {
    void ask("a", 100);
    await clock.advance(2000);
    void ask("b", 250);
    expect(queue.facts()).toEqual({ waiting: 2, active: 0, worth: 350, oldest: T0 });
    expect(queue.facts().worth).toBe(350);
    expect(queue.nextExpiry).toBe(T0 + 30_000);
    expect(changes).toBe(2);
  });

  test("that leaves is told so, once, and no longer counts", async () => {
    const client = new AbortController();
    const admitted = ask("a", 100, client.signal);
    client.abort();
    expect(await admitted).toEqual({ kind: "aborted" });
    expect(facts()).toEqual({ waiting: 0, active: 0, worth: 0 });
    expect(queue.nextExpiry).toBeUndefined();
  });

  test("that had left before it came never enters", async () => {
    expect(await ask("a", 100, AbortSignal.abort())).toEqual({ kind: "aborted" });
    expect([facts().waiting, changes]).toEqual([0, 0]);
  });

  test("beyond the limit is refused at once, waiting and running ones counted together", async () => {
    queue.openGate(gate);
    await ask("a");
    queue.closeGate();
    void ask("b");
    void ask("c");
    expect(await ask("d")).toEqual({
      kind: "refused",
      reason: "queue-full",
      why: "3 requests already wait for this GPU",
      retryAfter: 30_000,
    });
  });

  test("finds room again when another one leaves", () => {
    const client = new AbortController();
    void ask("a");
    void ask("b");
    void ask("c", 100, client.signal);
    client.abort();
    void ask("d");
    expect(facts().waiting).toBe(3);
  });
});

describe("an open gate", () => {
  test("grants what waits, in order, and what arrives, with the engine's address", async () => {
    const waiting = [ask("a"), ask("b")];
    queue.openGate(gate);
    const arriving = await grantOf(ask("c"));
    expect(arriving).toMatchObject({ gpu: GPU_A, engine: "http://127.0.0.1:1" });
    expect(arriving.revoked.aborted).toBe(false);
    await Promise.all(waiting.map(grantOf));
    expect(gate.log).toEqual(["begin a", "begin b", "begin c"]);
    expect(facts()).toEqual({ waiting: 0, active: 3, worth: 0 });
  });

  test("meters each request once, however often it is released", async () => {
    queue.openGate(gate);
    const grant = await grantOf(ask("a"));
    await Promise.all([grant.release(42), grant.release(7)]);
    await grant.release();
    expect(gate.log).toEqual(["begin a", "end a 42"]);
    expect(facts().active).toBe(0);
  });

  test("is idle since the last request ended, and not while one runs", async () => {
    queue.openGate(gate);
    const [first, second] = [await grantOf(ask("a")), await grantOf(ask("b"))];
    expect(queue.idleSince).toBeUndefined();
    await clock.advance(1000);
    await first.release();
    expect(queue.idleSince).toBeUndefined();
    await clock.advance(1000);
    await second.release();
    expect(queue.idleSince).toBe(T0 + 2000);
  });

  test("counts a fresh gate as idle from its opening, so that lingering begins there", async () => {
    await clock.advance(5000);
    queue.openGate(gate);
    expect(queue.idleSince).toBe(T0 + 5000);
  });

  test("rouses the loop when the last request leaves, not before", async () => {
    queue.openGate(gate);
    const [first, second] = [await grantOf(ask("a")), await grantOf(ask("b"))];
    const before = changes;
    await first.release();
    expect(changes).toBe(before);
    await second.release();
    expect(changes).toBe(before + 1);
  });

  test("that closes lets running requests go on and later ones wait", async () => {
    queue.openGate(gate);
    const running = await grantOf(ask("a"));
    queue.closeGate();
    void ask("b");
    expect(facts()).toMatchObject({ waiting: 1, active: 1 });
    expect(running.revoked.aborted).toBe(false);
    await running.release();
    expect(facts()).toMatchObject({ waiting: 1, active: 0 });
  });

  test("gives a grant straight back whose client left while it was made", async () => {
    const ready = Promise.withResolvers<void>();
    gate.slowness = ready.promise;
    const client = new AbortController();
    const admitted = ask("a", 100, client.signal);
    queue.openGate(gate);
    client.abort();
    expect(await admitted).toEqual({ kind: "aborted" });
    ready.resolve();
    await queue.drained(NEVER);
    expect(gate.log).toEqual(["begin a", "end a undefined"]);
    expect(facts()).toEqual({ waiting: 0, active: 0, worth: 0 });
  });

  test("counts a request whose grant is being made once, not twice", () => {
    gate.slowness = new Promise(() => {});
    void ask("a");
    queue.openGate(gate);
    expect(facts()).toEqual({ waiting: 0, active: 1, worth: 0 });
  });
});

describe("a meter that fails", () => {
  test("refuses the waiting request whose window it could not open, and holds nothing", async () => {
    gate.beginFault = new Error("no reading");
    const admitted = ask("a");
    queue.openGate(gate);
    expect(await admitted).toMatchObject({ kind: "refused", reason: "engine-failed", why: "no reading" });
    expect(facts().active).toBe(0);
  });

  test("fails the arriving request, and holds nothing", async () => {
    gate.beginFault = new Error("no reading");
    queue.openGate(gate);
    await expect(ask("a")).rejects.toThrow("no reading");
    expect(facts().active).toBe(0);
  });

  test("at the end is told, and the GPU is free all the same", async () => {
    gate.endFault = new Error("disk full");
    queue.openGate(gate);
    const grant = await grantOf(ask("a"));
    await expect(grant.release()).rejects.toThrow("disk full");
    expect(facts().active).toBe(0);
  });
});

describe("refusing", () => {
  test("sends away what waits and what arrives, saying why and until when", async () => {
    const waiting = ask("a");
    queue.refuseAll("engine-failed", "the engine ended", unixMs(T0 + 8000));
    const expected = { kind: "refused", reason: "engine-failed", why: "the engine ended", retryAfter: 8000 };
    expect(await waiting).toEqual(expected);
    await clock.advance(3000);
    expect(await ask("b")).toEqual({ ...expected, retryAfter: 5000 });
    await clock.advance(6000);
    expect(await ask("c"), "the end has passed, and nobody has looked again").toEqual({ ...expected, retryAfter: 0 });
    expect(facts().waiting).toBe(0);
  });

  test("without an end names the longest wait", async () => {
    queue.refuseAll("not-serving", "this rig is in mode mine");
    expect(await ask("a")).toMatchObject({ reason: "not-serving", retryAfter: 30_000 });
  });

  test("leaves running requests alone", async () => {
    queue.openGate(gate);
    const grant = await grantOf(ask("a"));
    queue.refuseAll("stopping", "the agent is stopping");
    expect([facts().active, grant.revoked.aborted]).toEqual([1, false]);
  });

  test.each([
    ["accepting again", () => queue.accept()],
    ["opening the gate", () => queue.openGate(gate)],
  ])("ends with %s", async (_title, reopen) => {
    queue.refuseAll("not-serving", "mode mine");
    reopen();
    const admitted = ask("a");
    queue.openGate(gate);
    expect((await admitted).kind).toBe("granted");
  });
});

describe("a queue", () => {
  test("is closed from the first refusal on until it accepts again", () => {
    expect(queue.isClosed).toBe(false);
    queue.refuseAll("not-serving", "this rig is in mode mine");
    expect(queue.isClosed).toBe(true);
    queue.accept();
    expect(queue.isClosed).toBe(false);
  });

  test("is open again with its gate", () => {
    queue.refuseAll("engine-failed", "the engine is not available");
    queue.openGate(gate);
    expect(queue.isClosed).toBe(false);
    queue.closeGate();
    expect(queue.isClosed).toBe(false);
  });
});

describe("waiting too long", () => {
  test("ends at the longest wait to the millisecond, and only for those that waited so long", async () => {
    const first = ask("a");
    await clock.advance(10_000);
    const second = ask("b");
    await clock.advance(19_999);
    queue.expire();
    expect(facts().waiting).toBe(2);
    await clock.advance(1);
    queue.expire();
    expect(await first).toEqual({
      kind: "refused",
      reason: "max-wait",
      why: "no GPU became free in time",
      retryAfter: 30_000,
    });
    expect(facts().waiting).toBe(1);
    queue.openGate(gate);
    expect((await second).kind).toBe("granted");
  });
});

describe("draining", () => {
  test("is over at once when nothing runs", async () => {
    await expect(queue.drained(NEVER)).resolves.toBeUndefined();
  });

  test("ends with the last running request", async () => {
    queue.openGate(gate);
    const grants = [await grantOf(ask("a")), await grantOf(ask("b"))];
    let isDrained = false;
    const drained = queue.drained(NEVER).then(() => {
      isDrained = true;
    });
    await grants[0]?.release();
    expect(isDrained).toBe(false);
    await grants[1]?.release();
    await drained;
    expect(isDrained).toBe(true);
  });

  test("stops being waited for when called off", async () => {
    queue.openGate(gate);
    await ask("a");
    const stop = new AbortController();
    const drained = queue.drained(stop.signal);
    stop.abort();
    await expect(drained).resolves.toBeUndefined();
    expect(facts().active).toBe(1);
  });

  test("past its deadline takes the GPU back from all who run, and from nobody after", async () => {
    queue.openGate(gate);
    const running = await grantOf(ask("a"));
    queue.revoke();
    expect(running.revoked.aborted).toBe(true);
    expect(facts().active).toBe(1);
    await running.release();
    expect((await grantOf(ask("b"))).revoked.aborted).toBe(false);
  });
});

test("a request that may wake no engine is refused at a closed gate, and answered at an open one", async () => {
  const barred = { why: "the engine refused it before", length: seconds(40) };
  const demand = { jobId: "a", worth: usdNano(100), barred };
  expect(await queue.enqueue(demand, NEVER)).toEqual({
    kind: "refused",
    reason: "refused-often",
    why: barred.why,
    retryAfter: seconds(40),
  });
  expect(changes).toBe(0);
  queue.openGate(gate);
  expect(await queue.enqueue(demand, NEVER)).toMatchObject({ kind: "granted" });
});
