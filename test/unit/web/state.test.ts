import { describe, expect, test } from "vitest";
import {
  describeChange,
  INITIAL_STATE,
  JOBS_SHOWN,
  type PageAction,
  type PageState,
  reduce,
  silentSince,
  TRANSITIONS_SHOWN,
} from "../../../src/web/state.ts";
import {
  CPU_UUID,
  fakeDecision,
  fakeGpu,
  fakeJob,
  fakeRig,
  fakeTransition,
  START_MS,
} from "../../support/fake-rig-port.ts";

/** The browser's clock of these tests runs a minute ahead of the agent's. */
const BROWSER_MS = START_MS + 60_000;

const run = (actions: readonly PageAction[], from: PageState = INITIAL_STATE): PageState =>
  actions.reduce(reduce, from);
const rigEvent = (offset: number, changes: Parameters<typeof fakeRig>[0] = {}): PageAction => ({
  type: "event",
  event: { type: "rig", rig: fakeRig({ nowMs: START_MS + offset, ...changes }) },
  atMs: BROWSER_MS + offset,
});
const loaded: PageAction = { type: "loaded", rig: fakeRig(), atMs: BROWSER_MS };

describe("the rig on the page", () => {
  test("is the last one told, with the agent's clock beside the browser's", () => {
    const state = run([loaded, rigEvent(1000, { mode: "pause" })]);
    expect(state.rig?.mode).toBe("pause");
    expect(state.skewMs).toBe(-60_000);
    expect(state.link).toEqual({ kind: "live" });
  });

  test("is not put back by a replay of the past, which only fills the charts", () => {
    const state = run([loaded, rigEvent(-3000, { mode: "mine" }), rigEvent(-2000), rigEvent(1000, { mode: "serve" })]);
    expect(state.rig).toMatchObject({ mode: "serve", nowMs: START_MS + 1000 });
    expect(state.history.get(CPU_UUID)?.map(({ atMs }) => atMs - START_MS)).toEqual([-3000, -2000, 1000]);
    expect(run([loaded, rigEvent(-3000, { mode: "mine" })]).rig?.mode).toBe("auto");
  });

  test("is believed after a restart, even when the agent's clock was set back", () => {
    const state = run([loaded, rigEvent(-5000, { startedMs: START_MS - 6000, mode: "observe" })]);
    expect(state.rig?.mode).toBe("observe");
  });
});

describe("rows", () => {
  const jobEvent = (id: number, changes = {}): PageAction => ({
    type: "event",
    event: { type: "job", job: fakeJob(id, changes) },
    atMs: BROWSER_MS,
  });

  test("of jobs are replaced in place, added on top and cut to what is shown", () => {
    const jobs = [fakeJob(2), fakeJob(1)];
    const state = run([{ type: "lists", jobs }, jobEvent(1, { tokensOut: 999 }), jobEvent(3)]);
    expect(state.jobs.map(({ jobId }) => jobId)).toEqual(["job-3", "job-2", "job-1"]);
    expect(state.jobs[2]?.tokensOut).toBe(999);
    const many = run(Array.from({ length: 30 }, (_, id) => jobEvent(id)));
    expect(many.jobs).toHaveLength(JOBS_SHOWN);
    expect(many.jobs[0]?.jobId).toBe("job-29");
  });

  test("of handovers are kept by id", () => {
    const told = (id: number, changes = {}): PageAction => ({
      type: "event",
      event: { type: "transition", transition: fakeTransition(id, changes) },
      atMs: BROWSER_MS,
    });
    const state = run([told(1, { endedMs: null }), told(1, { outcome: "failed" }), told(2)]);
    expect(state.transitions.map(({ id, outcome }) => [id, outcome])).toEqual([
      [2, "completed"],
      [1, "failed"],
    ]);
    expect(run(Array.from({ length: 20 }, (_, id) => told(id))).transitions).toHaveLength(TRANSITIONS_SHOWN);
  });

  test("that are not part of an answer stay as they were", () => {
    const state = run([
      { type: "lists", jobs: [fakeJob(1)] },
      { type: "lists", valuations: [] },
    ]);
    expect(state.jobs).toHaveLength(1);
  });

  test("do not change with a decision, which the next picture of the rig explains", () => {
    const state = run([loaded]);
    const told: PageAction = {
      type: "event",
      event: { type: "decision", decision: fakeDecision(7) },
      atMs: BROWSER_MS,
    };
    expect(run([told], state)).toEqual(state);
  });
});

describe("a silent agent", () => {
  const lost: PageAction = { type: "lost", atMs: BROWSER_MS + 20_000 };

  test("is told with the time of its last sign, once a short break is over", () => {
    const state = run([loaded, { type: "alive", atMs: BROWSER_MS + 15_000 }, lost]);
    expect(silentSince(state, BROWSER_MS + 21_000)).toBeUndefined();
    expect(silentSince(state, BROWSER_MS + 21_500)).toBe(BROWSER_MS + 15_000);
    expect(state.announcement).toBe("The agent does not answer.");
  });

  test("stays silent since then, however often the page tries", () => {
    const state = run([loaded, lost, { type: "lost", atMs: BROWSER_MS + 90_000 }]);
    expect(silentSince(state, BROWSER_MS + 99_000)).toBe(BROWSER_MS);
  });

  test("is live again at its first sign", () => {
    const state = run([loaded, lost, { type: "alive", atMs: BROWSER_MS + 30_000 }]);
    expect(silentSince(state, BROWSER_MS + 99_000)).toBeUndefined();
    expect(state.announcement).toBe("The agent answers again.");
  });

  test("that never answered is silent since the page noticed", () => {
    expect(silentSince(run([lost]), BROWSER_MS + 30_000)).toBe(BROWSER_MS + 20_000);
  });
});

describe("what a listener hears", () => {
  const before = fakeRig();

  test("is a change of what a GPU does, and of the mode", () => {
    const after = fakeRig({ mode: "pause", gpus: [fakeGpu({ workload: "inference" })] });
    expect(describeChange(before, after)).toBe("Mode is now pause. AMD Ryzen 9 7950X (CPU device): inference.");
  });

  test("is nothing for watts, hashrates and time", () => {
    expect(describeChange(before, fakeRig({ nowMs: START_MS + 1000, gpus: [fakeGpu({ powerW: 1 })] }))).toBe("");
    expect(describeChange(null, before)).toBe("");
    expect(describeChange(before, fakeRig({ gpus: [fakeGpu({ uuid: "GPU-new" })] }))).toBe("");
  });

  test("stays until the next change", () => {
    const state = run([loaded, rigEvent(1000, { mode: "mine" }), rigEvent(2000, { mode: "mine" })]);
    expect(state.announcement).toBe("Mode is now mine.");
  });
});

describe("a mode that the agent recorded", () => {
  const recorded: PageAction = { type: "mode", mode: "mine" };

  test("is pending, and not shown as the rig's, until the rig shows it", () => {
    const state = run([loaded, recorded, rigEvent(1000)]);
    expect([state.wish, state.rig?.mode]).toEqual([{ kind: "pending", mode: "mine", sentMs: START_MS }, "auto"]);
    const after = run([loaded, recorded, rigEvent(1000), rigEvent(1500, { mode: "mine" })]);
    expect([after.wish.kind, after.rig?.mode]).toEqual(["none", "mine"]);
  });

  test("is not pending when the rig's picture came before the answer", () => {
    expect(run([loaded, rigEvent(500, { mode: "mine" }), recorded]).wish).toEqual({ kind: "none" });
  });

  test("is given up when another order overtook it", () => {
    expect(run([loaded, recorded, rigEvent(4000, { mode: "pause" })]).wish.kind).toBe("pending");
    expect(run([loaded, recorded, rigEvent(6000, { mode: "pause" })]).wish.kind).toBe("none");
  });
});
