import { afterEach, describe, expect, test } from "vitest";
import { usdNano } from "../../../src/units/money.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

/** What leaving and coming back costs now. */
const cost = () => rig.loop.snapshot().roundTrip.cost;

/** One request after the other, each `worth` so much and half a second long, until `isTrue`; returns how many. */
async function trickle(worth: number, isTrue: () => boolean): Promise<number> {
  for (let count = 1; ; count++) {
    if (count > 2000) throw new Error(`not true after ${count} requests: ${isTrue}`);
    const jobId = `trickle-${count}`;
    const request = rig.ask(jobId, usdNano(worth));
    await rig.until(() => request.settled !== undefined || isTrue());
    if (request.settled?.kind === "granted") {
      await rig.pass(500);
      await rig.release(request.grant, jobId);
    }
    if (isTrue()) return count;
  }
}

describe("a borrowed GPU", () => {
  test("that earns less than its owner lost goes back, though tiny requests trickle in", async () => {
    rig = await RigBench.working({ isMeasured: true });
    await rig.release(await rig.served(rig.ask("cmpl-1", usdNano(4 * cost()))), "cmpl-1");
    const borrowed = rig.clock.monotonic();
    await trickle(1, () => rig.routes.at(-1)?.startsWith("inference → hashing") === true);
    expect(rig.transitions.at(-1)?.reason).toBe(
      "what was asked no longer covers what hashing devcoin would have earned",
    );
    // A round trip of some 2 s: four of them pay for about 6 s away from hashing.
    expect(rig.clock.monotonic() - borrowed).toBeLessThan(15_000);
  });

  test("that pays is not called", async () => {
    rig = await RigBench.working({ isMeasured: true });
    await rig.release(await rig.served(rig.ask("cmpl-1")), "cmpl-1");
    const end = rig.clock.monotonic() + 60_000;
    await trickle(cost(), () => rig.clock.monotonic() >= end);
    expect(rig.routes.at(-1)).toBe("hashing → inference completed");
  });

  test("is not handed back at the cap: requests go on being served until the loan is spent", async () => {
    rig = await RigBench.working({ isMeasured: true, rules: { maxGapSwitchesPerHour: 1 } });
    await rig.release(await rig.served(rig.ask("cmpl-1", usdNano(20 * cost()))), "cmpl-1");
    await rig.pass(15_000);
    expect(rig.loop.snapshot().why).toBe("1 handovers in an hour are the cap, so this gap is not lent");
    await rig.release(await rig.served(rig.ask("cmpl-2", usdNano(1))), "cmpl-2");
    expect(rig.routes.at(-1)).toBe("hashing → inference completed");
    await rig.hashing();
    expect(rig.transitions.at(-1)?.reason).toContain("no longer covers");
  });

  test("once it is back at the cap sends requests away, and says when to come again", async () => {
    rig = await RigBench.working({ isMeasured: true, rules: { maxGapSwitchesPerHour: 1 } });
    const borrowed = rig.steady.now();
    await rig.release(await rig.served(rig.ask("cmpl-1", usdNano(2 * cost()))), "cmpl-1");
    await rig.hashing();
    const late = rig.ask("cmpl-2");
    await rig.until(() => late.settled !== undefined);
    expect(late.settled).toMatchObject({
      kind: "refused",
      reason: "not-serving",
      why: "this GPU was handed over too often in the last hour",
    });
    const { retryAfter } = late.settled as { retryAfter: number };
    expect(rig.steady.now() + retryAfter - borrowed).toBeGreaterThanOrEqual(3_600_000);
    expect(rig.steady.now() + retryAfter - borrowed).toBeLessThanOrEqual(3_600_000 + 1000);
    expect(rig.workload).toBe("hashing");
  });
});

describe("without lending", () => {
  test("a request is refused at once while the GPU hashes, and told why", async () => {
    rig = await RigBench.running({ rules: { lending: false } });
    await rig.hashing();
    await rig.pass(1100);
    const asked = rig.clock.monotonic();
    const request = rig.ask("cmpl-1");
    await rig.clock.advance(0);
    expect(request.settled).toMatchObject({
      kind: "refused",
      reason: "not-serving",
      why: "this GPU is not lent to requests while it hashes",
    });
    expect(rig.clock.monotonic()).toBe(asked);
  });
});

describe("inference on a rig that only serves", () => {
  test.each([true, false])(
    "that owns its GPU serves requests at price 0 to their end, lending or not (%s)",
    async (lending) => {
      rig = await RigBench.running({ mines: false, isMeasured: true, drainTimeoutMs: 2000, rules: { lending } });
      await rig.pass(60_000);
      const grant = await rig.served(rig.ask("cmpl-1", usdNano(0)));
      await rig.pass(20_000);
      expect(grant.revoked.aborted).toBe(false);
      expect(rig.workload).toBe("inference");
      await rig.release(grant, "cmpl-1");
    },
  );
});

test("requests and what waits are counted once as demand", async () => {
  rig = await RigBench.working({ isMeasured: true });
  rig.ask("cmpl-1", usdNano(600));
  await rig.pass(1500);
  const serving = () => rig.loop.snapshot().valuations.find(({ workload }) => workload === "inference")?.revenue;
  expect(serving()).toBeCloseTo(0.000_036, 12);
});
