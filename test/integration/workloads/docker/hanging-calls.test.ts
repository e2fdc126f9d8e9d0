import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { seconds } from "../../../../src/units/time.ts";
import type { ContainerDriver } from "../../../../src/workloads/driver.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { HangingRelay } from "../../../support/hanging-relay.ts";
import { testWith } from "../../../support/requirement.ts";
import { contained, Drivers, ready, signal } from "./harness.ts";

const timeouts = { read: seconds(1), change: seconds(2), start: seconds(3) };

const engine = useEngine();
const drivers = new Drivers(engine);
let relay: HangingRelay;
let image: string;
beforeAll(async () => {
  if (!DOCKER.present()) return;
  image = await engine().image("base");
  relay = await HangingRelay.start(engine().socketPath);
});
afterEach(() => {
  if (DOCKER.present()) relay.hangs = undefined;
});
afterAll(() => relay?.[Symbol.asyncDispose]());

type Act = (driver: ContainerDriver) => Promise<unknown>;

const spec = () => contained(image, "", { stopTimeout: seconds(1) });
const start: Act = (driver) => ready(driver, spec());
const ensure: Act = (driver) => driver.ensureReady(spec(), signal);
const probe: Act = (driver) => driver.probe("engine", ["node", "-v"], signal);
const discard: Act = (driver) => driver.discard("engine", signal);

/** What hangs, what is asked then, and what has to be so before. */
const calls: readonly (readonly [string, RegExp, Act, readonly Act[]])[] = [
  ["creates a container", /^POST \/containers\/create/, ensure, []],
  ["starts one", /^POST \/containers\/\w+\/start/, ensure, []],
  ["describes an image", /^GET \/images\/.*\/json/, ensure, []],
  ["tells of itself", /^GET \/info/, ensure, []],
  ["describes a container", /^GET \/containers\/[^/]+\/json/, (driver) => driver.find("engine", signal), [start]],
  ["lists containers", /^GET \/containers\/json/, (driver) => driver.gpuClaims(signal), []],
  ["stops one", /^POST \/containers\/\w+\/stop/, (driver) => driver.stop("engine", signal), [start]],
  ["pauses one", /^POST \/containers\/\w+\/pause/, (driver) => driver.pause("engine", signal), [start]],
  [
    "resumes one",
    /^POST \/containers\/\w+\/unpause/,
    (driver) => driver.resume("engine", signal),
    [start, (driver) => driver.pause("engine", signal)],
  ],
  ["removes one", /^DELETE \/containers\//, discard, [start]],
  ["removes a volume", /^DELETE \/volumes\//, discard, [start]],
  ["prepares a program", /^POST \/containers\/\w+\/exec/, probe, [start]],
  ["tells how a program ended", /^GET \/exec\//, probe, [start]],
  ["tells a log", /^GET \/containers\/\w+\/logs/, (driver) => driver.logs("engine", 3, signal), [start]],
];

for (const [what, hangs, act, before] of calls)
  testWith(
    DOCKER,
    `an Engine that hangs where it ${what} fails that call in time, and the next one works`,
    async () => {
      const { driver, exits } = drivers.create([image], { timeouts, host: relay.host });
      for (const one of before) await one(driver);
      const heldBefore = relay.held;
      relay.hangs = hangs;
      const began = performance.now();
      const outcome = await act(driver).catch((error: unknown) => error);
      expect(JSON.stringify(outcome)).toContain("ERR_DOCKER_TIMEOUT");
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(relay.held).toBeGreaterThan(heldBefore);
      relay.hangs = undefined;
      const again = await act(driver);
      expect(JSON.stringify(again) ?? "").not.toContain("ERR_");
      expect(exits).toEqual([]);
    },
  );
