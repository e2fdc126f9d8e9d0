import { describe, expect, test } from "vitest";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { TenancyBench } from "../../support/tenancy-bench.ts";

const NEVER = new AbortController().signal;
const BOTH = [GPU_A, GPU_B] as const;

describe("one that comes and goes by itself, after a restart", () => {
  test("has the GPU before its first answer when its customer was there, and for as long as it says nothing", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A], { isOurs: false }, "running");
    program.isAsked = false;
    expect(tenancy.tenant).toMatchObject({ kind: "theirs", words: expect.stringContaining("no longer says") });
    program.isAsked = true;
    program.complaint = "busy: exit code 3";
    await bench.clock.advance(3_600_000);
    expect(tenancy.tenant).toMatchObject({ kind: "theirs", words: expect.stringContaining("(busy: exit code 3)") });
    program.busy = program.lastBusy = false;
    expect(tenancy.tenant).toBeUndefined();
  });

  test("is over in the books when it says so before anything was yielded to it", async () => {
    using bench = new TenancyBench();
    bench.ledger.externalStays.put([GPU_A], {
      name: "vast",
      state: "running",
      at: bench.clock.now(),
      bootId: undefined,
    });
    const { tenancy, program } = bench.add([GPU_A], { isOurs: false }, "running");
    const done = tenancy.recall(NEVER);
    program.busy = program.lastBusy = false;
    await bench.clock.advance(5000);
    await done;
    expect(bench.ledger.externalStays.list()).toEqual([]);
  });

  test("is asked once before anything of ours starts where nothing was left", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A], { isOurs: false });
    program.isAsked = false;
    expect(tenancy.tenant).toMatchObject({ kind: "theirs", isUnasked: true });
    program.isAsked = true;
    expect(tenancy.tenant).toBeUndefined();
  });
});

describe("what an earlier agent left", () => {
  test("running is taken over as it is, without a start", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH, {}, "running");
    expect(tenancy.tenant).toMatchObject({ kind: "started", keeps: expect.any(String) });
    expect(program.calls).toEqual([]);
  });

  test("half started is asked, and taken over when a customer uses it", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH, {}, "starting");
    expect(tenancy.tenant).toMatchObject({ kind: "theirs", words: "asking vast whether it still runs" });
    program.nextBusy = true;
    await tenancy.recall(NEVER);
    expect(tenancy.tenant).toMatchObject({ kind: "started" });
    expect(program.calls).toEqual([]);
    expect(program.questions).toBe(1);
  });

  test("half started is neither asked nor stopped while the hook of the earlier agent may still work", async () => {
    using bench = new TenancyBench();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { tenancy, program } = bench.add(BOTH, {}, "starting", () => promise);
    program.nextBusy = false;
    const done = tenancy.recall(NEVER);
    await bench.clock.advance(30_000);
    expect(program.calls).toEqual([]);
    expect(tenancy.tenant).toMatchObject({ kind: "theirs" });
    resolve();
    await done;
    expect(program.calls).toEqual(["stop"]);
  });

  test("half started and unused is stopped, once", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH, {}, "starting");
    program.nextBusy = false;
    await tenancy.recall(NEVER);
    expect(program.calls).toEqual(["stop"]);
    expect(tenancy.tenant).toMatchObject({ kind: "cooling" });
  });

  test("half started is asked again until it says something, and nothing is started beside it", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH, {}, "starting");
    const done = tenancy.recall(NEVER);
    await bench.clock.advance(0);
    await bench.clock.advance(12_000);
    expect(program.questions).toBe(3);
    for (const gpu of BOTH) expect(tenancy.want(gpu)).toBe(false);
    expect(tenancy.tenant).toMatchObject({ kind: "theirs" });
    program.nextBusy = false;
    program.stopFailure = "exit code 1";
    await bench.clock.advance(5000);
    expect(tenancy.tenant).toMatchObject({ kind: "theirs" });
    program.stopFailure = undefined;
    await bench.clock.advance(5000);
    await done;
    expect(tenancy.tenant).toMatchObject({ kind: "cooling" });
  });
});
