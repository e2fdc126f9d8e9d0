import { describe, expect, test } from "vitest";
import type { LiveItem, RigClient } from "../../../src/api/client.ts";
import { seconds } from "../../../src/units/time.ts";
import { followRig } from "../../../src/web/live.ts";
import type { PageAction } from "../../../src/web/state.ts";
import { fakeDecision, fakeRig, fakeValuations } from "../../support/fake-rig-port.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** An agent whose stream says what the test pushes; every connection is recorded with the id it resumed after. */
class ScriptedAgent {
  readonly resumedAfter: (number | undefined)[] = [];
  valuationReads = 0;
  isUp = true;
  #push: (item: LiveItem | Error) => void = () => undefined;

  say(item: LiveItem | Error): void {
    this.#push(item);
  }

  readonly client: Pick<RigClient, "rig" | "valuations" | "jobs" | "transitions" | "events"> = {
    rig: async () => await (this.isUp ? Promise.resolve(fakeRig()) : Promise.reject(new Error("refused"))),
    valuations: async () => {
      this.valuationReads += 1;
      return await Promise.resolve(fakeValuations());
    },
    jobs: async () => await Promise.resolve([]),
    transitions: async () => await Promise.resolve([]),
    events: (afterId, signal) => this.#follow(afterId, signal),
  };

  async *#follow(afterId: number | undefined, signal: AbortSignal): AsyncGenerator<LiveItem, void> {
    this.resumedAfter.push(afterId);
    const queue: (LiveItem | Error)[] = [];
    let wake: () => void = () => undefined;
    this.#push = (item) => {
      queue.push(item);
      wake();
    };
    signal.addEventListener("abort", () => this.#push(new Error("aborted")), { once: true });
    for (;;) {
      const item = queue.shift();
      if (item instanceof Error) throw item;
      if (item) yield item;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
}

const event = (id: number): LiveItem => ({
  kind: "event",
  id,
  event: { type: "decision", decision: fakeDecision(id) },
});
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

function start() {
  const agent = new ScriptedAgent();
  const clock = new ManualClock();
  const actions: PageAction[] = [];
  const stop = new AbortController();
  const done = followRig({ client: agent.client, clock, dispatch: (action) => actions.push(action) }, stop.signal);
  const types = () => actions.map(({ type }) => type);
  return { agent, clock, types, stop, done };
}

describe("following the rig", () => {
  test("loads all, then asks for every event still in memory", async () => {
    const { agent, types, stop, done } = start();
    await settle();
    expect(types()).toEqual(["loaded", "lists"]);
    expect(agent.resumedAfter).toEqual([0]);
    agent.say(event(4));
    agent.say({ kind: "alive" });
    await settle();
    expect(types()).toEqual(["loaded", "lists", "event", "alive"]);
    stop.abort();
    await done;
  });

  test("after a break says so, loads all again and resumes after the last event", async () => {
    const { agent, clock, types, stop, done } = start();
    await settle();
    agent.say(event(4));
    await settle();
    agent.say(new Error("connection reset"));
    await settle();
    expect(types().at(-1)).toBe("lost");
    await clock.advance(seconds(1));
    await settle();
    expect(agent.resumedAfter).toEqual([0, 4]);
    expect(types().slice(-2)).toEqual(["loaded", "lists"]);
    stop.abort();
    await done;
  });

  test("keeps trying, ever more slowly, while the agent is away", async () => {
    const { agent, clock, types, stop, done } = start();
    await settle();
    agent.isUp = false;
    agent.say(new Error("gone"));
    await settle();
    await clock.advance(seconds(120));
    await settle();
    const tries = types().filter((type) => type === "lost").length;
    expect(tries).toBeGreaterThan(8);
    expect(tries).toBeLessThan(30);
    agent.isUp = true;
    await clock.advance(seconds(13));
    await settle();
    expect(agent.resumedAfter).toHaveLength(2);
    stop.abort();
    await done;
  });

  test("gives up a stream that is silent past two heartbeats, whatever TCP says", async () => {
    const { agent, clock, types, stop, done } = start();
    await settle();
    await clock.advance(seconds(30));
    agent.say({ kind: "alive" });
    await settle();
    await clock.advance(seconds(30));
    expect(types()).not.toContain("lost");
    await clock.advance(seconds(10));
    await settle();
    expect(types()).toContain("lost");
    stop.abort();
    await done;
  });

  test("reads the valuations again with the news, at most every ten seconds", async () => {
    const { agent, clock, stop, done } = start();
    await settle();
    for (let id = 1; id <= 5; id += 1) agent.say(event(id));
    await settle();
    expect(agent.valuationReads).toBe(1);
    await clock.advance(seconds(10));
    for (let id = 6; id <= 9; id += 1) agent.say(event(id));
    await settle();
    expect(agent.valuationReads).toBe(2);
    stop.abort();
    await done;
  });

  test("ends without a word when it is told to", async () => {
    const { clock, types, stop, done } = start();
    await settle();
    stop.abort();
    await done;
    expect(types()).not.toContain("lost");
    await settle();
    expect(clock.waiting).toBe(0);
  });
});
