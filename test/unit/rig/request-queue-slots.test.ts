import { beforeEach, describe, expect, test } from "vitest";
import { RequestQueue } from "../../../src/rig/request-queue.ts";
import { seconds } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { askThrough, grantOf } from "../../support/queued-request.ts";
import { ScriptedGate } from "./scripted-gate.ts";

let clock: ManualClock;
let gate: ScriptedGate;
let queue: RequestQueue;
beforeEach(() => {
  clock = new ManualClock(T0);
  gate = new ScriptedGate();
  queue = new RequestQueue({
    gpu: GPU_A,
    clock,
    maxWait: seconds(30),
    limit: 3,
    onChange: () => {},
  });
});

const ask = askThrough(() => queue);

const facts = () => {
  const { waiting, active, worth } = queue.facts();
  return { waiting, active, worth };
};

describe("an engine with one slot", () => {
  beforeEach(() => {
    gate.slots = 1;
    queue.openGate(gate);
  });

  test("answers one request; the second waits in the queue until the first leaves", async () => {
    const first = await grantOf(ask("a"));
    const second = ask("b", 250);
    expect(facts()).toEqual({ waiting: 1, active: 1, worth: 250 });
    await clock.advance(5000);
    expect(gate.log).toEqual(["begin a"]);
    await first.release();
    await grantOf(second);
    expect(gate.log).toEqual(["begin a", "end a undefined", "begin b"]);
    expect(facts()).toEqual({ waiting: 0, active: 1, worth: 0 });
  });

  test("takes the oldest first", async () => {
    const first = await grantOf(ask("a"));
    const [second, third] = [ask("b"), ask("c")];
    await first.release();
    await (await grantOf(second)).release();
    await grantOf(third);
    expect(gate.log.filter((line) => line.startsWith("begin"))).toEqual(["begin a", "begin b", "begin c"]);
  });

  test("takes them in turn where several waited before the gate opened", async () => {
    queue.closeGate();
    const admitted = [ask("a"), ask("b")];
    queue.openGate(gate);
    expect(facts()).toMatchObject({ waiting: 1, active: 1 });
    for (const one of admitted) await (await grantOf(one)).release();
    expect(facts()).toEqual({ waiting: 0, active: 0, worth: 0 });
  });

  test("is not idle between one request and the next that waits for its slot", async () => {
    const first = await grantOf(ask("a"));
    const second = ask("b");
    await first.release();
    expect(queue.idleSince).toBeUndefined();
    await (await grantOf(second)).release();
    expect(queue.idleSince).toBe(T0);
  });

  test("keeps no slot for requests whose window the meter could not open", async () => {
    const first = await grantOf(ask("a"));
    const waiting = [ask("b"), ask("c")];
    gate.beginFault = new Error("no reading");
    await first.release();
    for (const one of waiting) expect(await one).toMatchObject({ reason: "engine-failed", why: "no reading" });
    gate.beginFault = undefined;
    expect((await ask("d")).kind).toBe("granted");
  });

  test("refuses who waited for it too long", async () => {
    await grantOf(ask("a"));
    const second = ask("b");
    await clock.advance(30_000);
    queue.expire();
    expect(await second).toMatchObject({ kind: "refused", reason: "max-wait" });
    expect(facts()).toMatchObject({ waiting: 0, active: 1 });
  });

  test("is given to nobody after the gate closed", async () => {
    const first = await grantOf(ask("a"));
    void ask("b");
    queue.closeGate();
    await first.release();
    expect(facts()).toMatchObject({ waiting: 1, active: 0 });
  });
});

describe("what was granted", () => {
  test("is the worth of all that went through since the gate opened, running or not", async () => {
    void ask("a", 100);
    expect(queue.grantedWorth).toBe(0);
    queue.openGate(gate);
    expect(queue.grantedWorth).toBe(100);
    await (await grantOf(ask("b", 250))).release();
    expect(queue.grantedWorth).toBe(350);
  });

  test("is counted anew with the next opening", async () => {
    queue.openGate(gate);
    await (await grantOf(ask("a", 100))).release();
    queue.closeGate();
    expect(queue.grantedWorth).toBe(100);
    queue.openGate(gate);
    expect(queue.grantedWorth).toBe(0);
  });

  test("leaves out what waits for a slot", async () => {
    gate.slots = 1;
    queue.openGate(gate);
    await grantOf(ask("a", 100));
    void ask("b", 250);
    expect(queue.grantedWorth).toBe(100);
  });
});
