import { afterEach, beforeEach, expect, test } from "vitest";
import { openLedger } from "../../../src/ledger/open.ts";
import { runCheck } from "../../../src/lib/check.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { settingChecks } from "../../../src/rig/checks.ts";
import type { Profile } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = new TemporaryDirectory();
});
afterEach(() => directory[Symbol.dispose]());

const MINE: Profile & { graphicsMhz?: number } = { role: "hashing", powerLimit: watts(220), mayRaise: false };
type Power = Parameters<typeof settingChecks>[1];
async function check(power: Power, present = [GPU_A]) {
  const [one] = settingChecks(directory.path, power, () => Promise.resolve(present));
  if (one === undefined) throw new Error("no check");
  return await runCheck(one, new AbortController().signal, seconds(5));
}
function remember(): void {
  const ledger = openLedger(directory.path, { clock: new ManualClock(T0), logger: silentLogger });
  ledger.foundSettings.remember(GPU_A, { powerLimit: watts(300) });
  ledger.close();
}

test("nothing is said of GPUs that are as they were found, nor where there is no ledger yet", async () => {
  expect(await check({ tool: "auto", profiles: [] })).toMatchObject({ level: "ok", found: "as they were found" });
});

test("a setting of an earlier agent that no profile asks for any more is told, with what sets it back", async () => {
  remember();
  for (const power of [
    { tool: "off", profiles: [] },
    { tool: "auto", profiles: [] },
  ] as const) {
    const { level, found, mend } = await check(power);
    expect([level, found]).toEqual(["warn", `changed by an earlier agent on ${GPU_A}, and not set back`]);
    expect(mend).toContain(`nvidia-smi -i ${GPU_A} -pl 300`);
  }
});

test("a setting of a profile in force is as it should be", async () => {
  remember();
  const profiles = [{ ...MINE, powerLimit: watts(220) }] as Power["profiles"];
  expect(await check({ tool: "auto", profiles })).toMatchObject({ level: "ok" });
});

test("no start of the agent is promised to mend a GPU that the rig does not have now", async () => {
  remember();
  const profiles = [{ ...MINE, powerLimit: watts(220) }] as Power["profiles"];
  for (const power of [
    { tool: "auto", profiles },
    { tool: "auto", profiles: [] },
  ] as const)
    expect(await check(power, [])).toMatchObject({
      level: "warn",
      found: `changed by an earlier agent on ${GPU_A}, which this rig does not have now`,
      mend: "put it back in and start the agent, which then sets it back",
    });
});
