import { describe, expect, test } from "vitest";
import { GPU_A } from "../../support/ledger-rows.ts";
import { type FakeProgram, TenancyBench } from "../../support/tenancy-bench.ts";

const NEVER = new AbortController().signal;

describe("a start that failed", () => {
  const failing = async (bench: TenancyBench, says: Partial<FakeProgram>) => {
    const { tenancy, program } = bench.add([GPU_A]);
    Object.assign(program, { startFailure: "exit code 1", ...says });
    tenancy.want(GPU_A);
    return { tenancy, program, outcome: await tenancy.arrive(GPU_A, NEVER) };
  };
  const stays = (bench: TenancyBench) => bench.ledger.externalStays.list().map(({ state }) => state);

  test("ends no customer whom it found there: the workload is taken to run", async () => {
    using bench = new TenancyBench();
    const { tenancy, program, outcome } = await failing(bench, { nextBusy: true });
    expect(program.calls).toEqual(["start"]);
    expect(outcome).toEqual({ kind: "done" });
    expect(tenancy.tenant).toMatchObject({ kind: "started", keeps: "vast says that a customer uses it" });
    expect(stays(bench)).toEqual(["running"]);
  });

  test("is stopped again on a fresh word that nobody is there, though the last one said otherwise", async () => {
    using bench = new TenancyBench();
    const { tenancy, program, outcome } = await failing(bench, { busy: true, nextBusy: false });
    expect([program.questions, program.calls]).toEqual([1, ["start", "stop"]]);
    expect(outcome).toEqual({ kind: "failed", reason: "vast did not start: exit code 1" });
    expect(tenancy.tenant).toBeUndefined();
    expect(tenancy.blocked?.reason).toBe("vast did not start: exit code 1");
    expect(stays(bench)).toEqual([]);
  });

  test("is stopped again where nobody can be asked", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await failing(bench, { canTellBusy: false });
    expect([program.questions, program.calls]).toEqual([0, ["start", "stop"]]);
    expect(tenancy.isOff).toBe(true);
  });

  test("is left alone while nobody says anything, asked again, and stopped once nobody is there", async () => {
    using bench = new TenancyBench();
    const { tenancy, program, outcome } = await failing(bench, { busy: undefined });
    expect(outcome).toMatchObject({ reason: expect.stringContaining("exit code 1; vast does not say whether") });
    expect(tenancy.tenant).toMatchObject({ kind: "theirs", words: expect.stringContaining("exit code 1; asking") });
    expect(tenancy.want(GPU_A)).toBe(false);
    await bench.clock.advance(12_000);
    expect([program.questions, program.calls, stays(bench)]).toEqual([3, ["start"], ["starting"]]);
    program.nextBusy = false;
    await bench.clock.advance(5000);
    expect(program.calls).toEqual(["start", "stop"]);
    expect([tenancy.isOff, tenancy.blocked?.reason, stays(bench)]).toEqual([true, expect.any(String), []]);
    await bench.clock.advance(60_000);
    expect(program.questions).toBe(4);
  });

  test("is taken to run once a customer is found there", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await failing(bench, { busy: undefined });
    program.nextBusy = true;
    await bench.clock.advance(5000);
    expect(tenancy.tenant).toMatchObject({ kind: "started", keeps: expect.any(String) });
    expect(program.calls).toEqual(["start"]);
  });

  test("that cannot be stopped again keeps its GPUs until it can", async () => {
    using bench = new TenancyBench();
    const { tenancy, program, outcome } = await failing(bench, { busy: false, stopFailure: "exit code 2" });
    expect(outcome).toMatchObject({ reason: expect.stringContaining("stopping it again failed: exit code 2") });
    expect(tenancy.tenant).toMatchObject({ kind: "theirs" });
    program.stopFailure = undefined;
    await bench.clock.advance(5000);
    expect(tenancy.tenant).toBeUndefined();
  });

  test("is asked about no more once the agent ends, and known to the next one", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A]);
    const stop = new AbortController();
    await tenancy.recall(stop.signal);
    program.startFailure = "exit code 1";
    tenancy.want(GPU_A);
    await tenancy.arrive(GPU_A, NEVER);
    stop.abort();
    await bench.clock.advance(60_000);
    expect([program.questions, program.calls, stays(bench)]).toEqual([1, ["start"], ["starting"]]);
  });
});
