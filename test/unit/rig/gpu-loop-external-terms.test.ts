import { afterEach, describe, expect, test } from "vitest";
import type { BenchOrder } from "../../../src/rig/bench-order.ts";
import { hashingBy } from "../../../src/rig/flight-sheets.ts";
import { usdPerHour } from "../../../src/units/money.ts";
import { seconds } from "../../../src/units/time.ts";
import { WorkError } from "../../../src/workloads/errors.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import type { FakeProgram } from "../../support/tenancy-bench.ts";
import type { RigBench } from "./bench.ts";
import { ExternalBench } from "./external-bench.ts";

/** What hashing earns on the bench is cents; this is more, and this is less. */
const MUCH = usdPerHour(50);
const NOTHING = usdPerHour(0);
const TAKE: BenchOrder = { workload: "hashing", length: seconds(10), take: true };

let rig: RigBench;
let external: ExternalBench;
let program: FakeProgram;
async function begin(options: Parameters<typeof ExternalBench.start>[0] = {}) {
  external = await ExternalBench.start(options);
  ({ rig, program } = external);
}
afterEach(async () => {
  await rig.stop();
  expect(rig.faults).toEqual([]);
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await external[Symbol.asyncDispose]();
});

/** Has the GPU, and says whether a customer uses it. */
async function started(busy: boolean) {
  await begin();
  await rig.hashing();
  program.earnings = MUCH;
  program.busy = busy;
  await rig.until(() => rig.custody.assignment.name === "vast" && rig.custody.state === "rented");
}
const state = () => rig.loop.snapshot().state;

describe("the state that is shown of an external workload", () => {
  test("is listed while it waits for a customer, and rented while one uses it or nobody knows", async () => {
    await started(false);
    expect(state()).toBe("listed");
    program.busy = true;
    expect(state()).toBe("rented");
    program.busy = undefined;
    expect(state()).toBe("rented");
  });

  test("is rented where nobody can be asked", async () => {
    await started(true);
    [program.busy, program.canTellBusy] = [undefined, false];
    expect(state()).toBe("rented");
  });

  test("is that of a handover while there is one", async () => {
    await begin();
    await rig.hashing();
    [program.earnings, program.busy, program.startsAtOnce] = [MUCH, false, false];
    await rig.until(() => program.isStarting);
    expect(state()).toBe("warming");
    program.finishStart();
    await rig.until(() => state() === "listed");
  });
});

describe("external work that pays more and can never be had", () => {
  const lack = "it may draw 350 W, and the power budget of the rig is 300 W, so that it can never be had";

  test("is said to be so from the first decision on, and not only once enough was missed", async () => {
    await begin({ lack, earnings: 50 });
    await rig.hashing();
    const why = rig.loop.snapshot().why;
    expect(why).toContain(`vast pays more now, but vast is not started: ${lack}`);
    await rig.pass(60_000);
    expect(rig.loop.snapshot().why).not.toContain("has been missed");
    expect(program.calls).toEqual([]);
  });
});

describe("what comes and goes by itself", () => {
  test("shows what it brings after electricity while it has the GPU, one part of a set's", async () => {
    await begin({ terms: { isOurs: false, rate: usdPerHour(0.4) }, others: [GPU_B] });
    await rig.hashing();
    program.busy = true;
    await rig.until(() => rig.custody.assignment.name === "vast" && rig.custody.state === "rented");
    await rig.pass(3000);
    const { net, valuations } = rig.loop.snapshot();
    expect(net).toBeGreaterThan(0.1);
    expect(net).toBeLessThan(0.2);
    expect(valuations.filter(({ workload }) => workload === "external")).toEqual([]);
  });
});

describe("a benchmark of a GPU that an external workload has", () => {
  /** Runs it to its end while time passes. */
  async function bench(order: BenchOrder) {
    let fault: unknown;
    let isDone = false;
    const told: string[] = [];
    const run = async () => {
      for await (const news of rig.loop.bench(order, new AbortController().signal))
        told.push(news.kind === "progress" ? news.doing : news.kind);
    };
    void run().then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        [fault, isDone] = [error, true];
      },
    );
    await rig.until(() => isDone, 3_600_000);
    if (fault !== undefined) throw fault;
    return told;
  }
  const refused = (code: string, mend: string) =>
    expect.objectContaining({ facts: expect.objectContaining({ code, mend: expect.stringContaining(mend) }) });

  test("ends it where it is idle and the GPU is to be taken, measures after its cool-down, and gives it back", async () => {
    await started(false);
    const told = await bench(TAKE);
    expect(program.calls).toEqual(["start", "stop"]);
    expect(told).toContain("waiting for hashing: vast has ended");
    expect(told.slice(-2)).toEqual(["figure", "end"]);
    expect(rig.switches.priceSwitchesToday(rig.steady.now())).toBe(1);
    await rig.until(() => state() === "listed");
    expect(program.calls).toEqual(["start", "stop", "start"]);
  });

  test("is refused where it is idle and nothing was said of taking it, with what to say", async () => {
    await started(false);
    await expect(bench({ ...TAKE, take: false })).rejects.toEqual(refused("ERR_BENCH_TAKE", "--take"));
    expect(program.calls).toEqual(["start"]);
  });

  test("is refused while a customer uses it, and ends nothing", async () => {
    await started(true);
    await expect(bench(TAKE)).rejects.toEqual(refused("ERR_BENCH_ENDED", "once that is over"));
    expect(program.calls).toEqual(["start"]);
  });

  test("ends when the question before its end finds a customer", async () => {
    await started(false);
    program.nextBusy = true;
    await expect(bench(TAKE)).rejects.toEqual(refused("ERR_BENCH_ENDED", "once that is over"));
    expect(program.calls).toEqual(["start"]);
  });

  test("gives up where it cannot be stopped", async () => {
    await started(false);
    program.stopFailure = "exit code 1";
    await expect(bench(TAKE)).rejects.toEqual(refused("ERR_BENCH_NO_RATE", "rigshift status"));
    program.stopFailure = undefined;
  });
});

describe("what external work costs to take and to leave", () => {
  const learned = () => rig.switches.measured.filter(({ external: name }) => name === "vast");

  test("is learned with the time of its start hook, though the start failed", async () => {
    await begin();
    await rig.hashing();
    [program.earnings, program.busy, program.startsAtOnce] = [MUCH, false, false];
    await rig.until(() => program.isStarting);
    await rig.clock.advance(20_000);
    program.finishStart("exit code 1");
    await rig.until(() => learned().length > 0);
    expect(learned()).toMatchObject([{ from: "hashing", to: "external", samples: 1 }]);
    expect(learned()[0]?.duration).toBeGreaterThanOrEqual(20_000);
  });

  test("is learned with the time of its stop hook", async () => {
    await begin({ left: "running", earnings: MUCH });
    program.busy = false;
    await rig.until(() => state() === "listed");
    program.stopsAtOnce = false;
    rig.mode = "pause";
    await rig.until(() => program.calls.at(-1) === "stop");
    await rig.pass(20_000);
    program.finishStop();
    await rig.until(() => rig.workload === "none");
    const left = learned().find(({ from }) => from === "external");
    expect(left).toMatchObject({ to: "none", samples: 1 });
    expect(left?.duration).toBeGreaterThanOrEqual(20_000);
    expect(left?.duration).toBeLessThan(40_000);
  });
});

describe("the count of switches for prices", () => {
  const count = () => rig.switches.priceSwitchesToday(rig.steady.now());

  test("has the end of external work once it came about for the price, and not while it is refused", async () => {
    await started(false);
    expect(count()).toBe(1);
    [program.earnings, program.nextBusy] = [NOTHING, true];
    await rig.until(() => program.questions > 0);
    await rig.pass(5000);
    expect(count()).toBe(1);
    [program.busy, program.nextBusy] = [false, "unchanged"];
    await rig.until(() => program.calls.includes("stop"));
    await rig.until(() => rig.workload === "none");
    expect(count()).toBe(2);
  });

  test("has no end that the operator ordered", async () => {
    await started(false);
    rig.mode = "pause";
    await rig.until(() => rig.workload === "none");
    expect(count()).toBe(1);
  });
});

describe("external work that is found running", () => {
  test("is taken over at once, and only after a while again where our miner would not be stopped", async () => {
    await begin();
    await rig.hashing();
    rig.driver.faults.set("miner", new WorkError("it does not end", { code: "ERR_WORK_STUCK", work: "miner", pid: 7 }));
    program.busy = true;
    external.tenancy.notice();
    const tries = () => rig.routes.filter((route) => route.includes("→ external"));
    await rig.until(() => tries().length > 0);
    await rig.pass(4000);
    expect(tries()).toEqual(["hashing → external failed"]);
    await rig.until(() => rig.custody.assignment.name === "vast");
    expect(tries()).toEqual(["hashing → external failed", "none → external completed"]);
    expect(rig.driver.isRunning("miner")).toBe(false);
  });
});

describe("a set that forms", () => {
  /** Called while its GPU still answers a request for it. */
  async function calledWhileServing() {
    await begin({ others: [GPU_B], drainTimeoutMs: 600_000 });
    await rig.hashing();
    await rig.engineUp();
    [program.earnings, program.busy] = [MUCH, false];
    await rig.until(() => external.tenancy.isWantedBy(GPU_A));
    const request = rig.ask("job-1");
    await rig.served(request);
    external.tenancy.want(GPU_B);
    await rig.until(() => rig.custody.state === "draining", 120_000);
    await rig.pass(2000);
    expect(external.tenancy.isTaking).toBe(true);
    return request;
  }
  const fallsAway = async () => {
    external.tenancy.withdraw(GPU_B, "it is lost");
    await rig.until(() => rig.transitions.at(-1)?.to !== "external" || rig.transitions.at(-1)?.outcome !== undefined);
  };

  test("lets a GPU go at once that still answers a request for it, when another one falls away", async () => {
    const request = await calledWhileServing();
    const since = rig.clock.monotonic();
    await fallsAway();
    expect(rig.clock.monotonic() - since).toBeLessThan(2000);
    expect(rig.transitions.findLast(({ to }) => to === "external")).toMatchObject({
      outcome: "aborted",
      detail: `${GPU_B} cannot be freed for it: it is lost`,
    });
    expect(request.grant.revoked.aborted).toBe(false);
    await rig.release(request.grant, "job-1");
  });

  test("waits, when it is called again, for the request that it was let go with", async () => {
    const request = await calledWhileServing();
    // With nothing to do meanwhile, the GPU rests beside the request.
    rig.cooldown.failed(
      hashingBy({ name: "devcoin" }),
      { reason: "no memory left", cause: "out-of-memory" },
      rig.steady.now(),
    );
    await fallsAway();
    await rig.until(() => external.tenancy.isWantedBy(GPU_A), 60_000);
    external.tenancy.want(GPU_B);
    await rig.until(() => rig.custody.state !== "idle");
    expect(rig.custody.state).toBe("draining");
    await rig.pass(10_000);
    expect(rig.routes.at(-1)).toBe("none → external undefined");
    expect([rig.engine.state.kind, request.grant.revoked.aborted]).toEqual(["ready", false]);
    await rig.release(request.grant, "job-1");
    await rig.until(() => rig.engine.state.kind === "stopped");
  });
});
