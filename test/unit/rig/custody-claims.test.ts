import { afterEach, describe, expect, test } from "vitest";
import type { ControlOutcome, GpuControl, GpuSettings } from "../../../src/gpu/source.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import type { Profile } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { NEVER, RigBench } from "./bench.ts";

const OTHER: GpuUuid = "GPU-other";
const MINE: Profile = { role: "hashing", powerLimit: watts(220), mayRaise: false };
const DONE: ControlOutcome = { kind: "done" };

/** A card of 300 W whose driver does what it is told, unless the test says otherwise. */
class Card implements GpuControl {
  limit = 300;
  readonly calls: number[] = [];
  outcome: ControlOutcome = DONE;
  /** While true, the driver says that it did what it did not. */
  lies = false;
  isReadable = true;

  readSettings(): Promise<GpuSettings> {
    return this.isReadable
      ? Promise.resolve({ powerLimit: watts(this.limit) })
      : Promise.reject(new Error("no answer"));
  }

  setPowerLimit(_gpu: string, limit: number): Promise<ControlOutcome> {
    this.calls.push(limit);
    if (this.outcome.kind === "done" && !this.lies) this.limit = limit;
    return Promise.resolve(this.outcome);
  }

  lockClocks = (): Promise<ControlOutcome> => Promise.resolve(DONE);
  resetClocks = (): Promise<ControlOutcome> => Promise.resolve(DONE);
}

let rig: RigBench;
let card: Card;
afterEach(() => rig[Symbol.asyncDispose]());

/** One card of a supply that another one shares. */
async function shared(maxW: number, profiles: readonly Profile[] = [MINE]): Promise<void> {
  card = new Card();
  const groups = [{ name: "left", maxPower: watts(maxW), gpus: new Set([GPU_A, OTHER]) }];
  rig = await RigBench.start({ control: card, profiles, groups });
  rig.source.live = () => ({ powerLimit: watts(card.limit) });
  await rig.meter.look(NEVER);
}
const claimed = () => rig.power.claimOf(GPU_A);
/** What the other card could still be given. */
const roomFor = (power: number): boolean => rig.power.raise(OTHER, watts(power)) === undefined;
async function look(ms = 0): Promise<void> {
  await rig.clock.advance(ms);
  await rig.meter.look(NEVER);
  rig.custody.keepSettings(NEVER);
  await rig.clock.advance(0);
}

describe("a profile that lowers the power limit", () => {
  test("frees the rest for other GPUs while its work has the card, and is claimed in full where it ends", async () => {
    await shared(500);
    expect(await rig.handOver("hashing")).toMatchObject({ kind: "done" });
    expect([card.limit, claimed()]).toEqual([220, 220]);
    expect(roomFor(280)).toBe(true);
    await rig.handOver("none");
    await look(30_000);
    expect(card.limit).toBe(300);
    expect(claimed()).toBeLessThan(200);
  });

  test("lets a card start that would not fit with the limit found", async () => {
    await shared(260);
    expect(await rig.handOver("hashing")).toMatchObject({ kind: "done" });
    expect([card.limit, claimed()]).toEqual([220, 220]);
  });

  test("frees nothing before the driver tells that it is in force", async () => {
    await shared(500);
    card.lies = true;
    await rig.handOver("hashing");
    expect([card.limit, claimed()]).toEqual([300, 300]);
    expect(roomFor(280)).toBe(false);
    expect(rig.custody.shortfall).toContain("220 W were set, and 300 W are in force");
    card.lies = false;
    await look(20_000);
    expect([card.limit, claimed(), rig.custody.shortfall]).toEqual([220, 220, undefined]);
  });

  test("frees nothing where the driver does not tell limits any more", async () => {
    await shared(500);
    await rig.handOver("inference");
    await rig.handOver("none");
    await rig.handOver("inference");
    card.isReadable = false;
    await rig.handOver("hashing");
    expect(claimed()).toBe(300);
  });
});

describe("from hashing with a low limit to inference with a high one", () => {
  test("the claim is raised before the limit is", async () => {
    await shared(600);
    await rig.handOver("hashing");
    const seen: number[] = [];
    const set = card.setPowerLimit.bind(card);
    card.setPowerLimit = (gpu, limit) => {
      seen.push(claimed());
      return set(gpu, limit);
    };
    await rig.handOver("inference");
    expect([card.limit, seen]).toEqual([300, [300]]);
  });

  test("a card that finds no room serves with the low limit, says so, and gets the high one when there is room", async () => {
    await shared(500);
    await rig.handOver("hashing");
    expect(roomFor(280)).toBe(true);
    expect(await rig.handOver("inference")).toMatchObject({ kind: "done" });
    expect([card.limit, claimed()]).toEqual([220, 220]);
    expect(rig.custody.shortfall).toBe(
      "what was found is not set back: power limit: the power budget of left, 500 W, has no room for 300 W",
    );
    await look(20_000);
    expect(card.limit).toBe(220);
    rig.power.lower(OTHER, watts(25));
    await look(40_000);
    expect([card.limit, claimed(), rig.custody.shortfall]).toEqual([300, 300, undefined]);
  });

  test("a limit of its own above the one found is claimed before it is set", async () => {
    await shared(500, [MINE, { role: "serving", powerLimit: watts(350), mayRaise: true }]);
    await rig.handOver("hashing");
    expect(roomFor(180)).toBe(true);
    await rig.handOver("inference");
    expect([card.limit, claimed()]).toEqual([300, 300]);
    expect(rig.custody.shortfall).toContain("the profile for serving is not in force");
    rig.power.lower(OTHER, watts(25));
    await look(20_000);
    expect([card.limit, claimed()]).toEqual([350, 350]);
  });
});

describe("a profile that did not come into force", () => {
  test("is tried again, ever more rarely, until it is", async () => {
    await shared(600);
    card.outcome = { kind: "unavailable" };
    await rig.handOver("hashing");
    expect(rig.custody.shortfall).toContain("the profile for hashing is not in force");
    card.calls.length = 0;
    for (let second = 0; second < 300; second++) await look(1000);
    expect(card.calls.length).toBeGreaterThan(2);
    expect(card.calls.length).toBeLessThan(7);
    card.outcome = DONE;
    for (let second = 0; second < 400; second++) await look(1000);
    expect([card.limit, claimed(), rig.custody.shortfall]).toEqual([220, 220, undefined]);
  });

  test("and that the driver will never take is said, and not tried again", async () => {
    await shared(600);
    card.outcome = { kind: "refused", reason: "no-permission" };
    await rig.handOver("hashing");
    expect(rig.custody.shortfall).toContain("run the agent as root");
    card.calls.length = 0;
    await look(600_000);
    expect(card.calls).toEqual([]);
    await rig.handOver("none");
    expect(rig.loop.snapshot().warnings).toEqual([expect.stringContaining("run the agent as root")]);
  });

  test("because somebody else set the limit higher is noticed: the power counts, and the limit is set anew", async () => {
    await shared(500);
    await rig.handOver("hashing");
    expect(roomFor(280)).toBe(true);
    card.outcome = { kind: "unavailable" };
    card.limit = 300;
    await look(5000);
    expect([claimed(), rig.power.claimed({ gpus: new Set([GPU_A, OTHER]) })]).toEqual([300, 580]);
    expect(rig.custody.shortfall).toContain("somebody else set the power limit from 220 W to 300 W");
    card.outcome = DONE;
    await look(30_000);
    expect([card.limit, claimed(), rig.custody.shortfall]).toEqual([220, 220, undefined]);
  });
});

describe("what an agent that was killed had set", () => {
  test("is set back where a configuration without profiles may set nothing any more", async () => {
    await shared(600);
    await rig.handOver("hashing");
    await using next = await RigBench.start({ before: rig, undo: card });
    next.custody.keepSettings(NEVER);
    await next.clock.advance(0);
    expect([card.limit, next.tuner.isApplied, next.custody.shortfall]).toEqual([300, false, undefined]);
    await next.handOver("hashing");
    expect(card.limit).toBe(300);
  });

  test("and cannot be set back from here is said, with the commands that do it", async () => {
    await shared(600);
    await rig.handOver("hashing");
    await using next = await RigBench.start({ before: rig });
    for (const ms of [0, 30_000]) {
      await next.clock.advance(ms);
      next.custody.keepSettings(NEVER);
    }
    await next.clock.advance(0);
    expect(next.custody.shortfall).toContain("nothing can be set on this GPU from here");
    expect(next.log.join("").match(new RegExp(`nvidia-smi -i ${GPU_A} -pl 300`, "g"))).toHaveLength(1);
  });
});
