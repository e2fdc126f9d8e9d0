import { describe, expect, test } from "vitest";
import { openLedger } from "../../../src/ledger/open.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { toDecisionInputs } from "../../../src/rig/decision-inputs.ts";
import { watts } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { valueResting } from "../../../src/valuation/resting.ts";
import { decisionFacts, SWITCH_RULES } from "../../support/decision-facts.ts";
import { decisionRow, GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

const resting = valueResting(watts(20), undefined);

function fill(path: string, why = decisionRow().why): void {
  const ledger = openLedger(path, { clock: new ManualClock(T0), logger: silentLogger });
  const inputs = JSON.stringify(
    toDecisionInputs({
      facts: decisionFacts(),
      mode: "auto",
      rules: SWITCH_RULES,
      now: unixMs(T0),
      valuations: [resting],
    }),
  );
  ledger.decisions.append(decisionRow({ inputs, why }));
  ledger.decisions.append(decisionRow({ at: unixMs(T0 + 60_000), action: "keep", rule: "linger", inputs: "{}" }));
  ledger.close();
}

const at = (ms: number): string => new Date(ms).toISOString();
const run = (path: string, ...args: string[]) => runIn(path, ["status", "--data-dir", path, ...args]);

describe("rigshift status --why", () => {
  test("explains a past decision without an agent: case, reason, regret, costs, valuations", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { code, out } = await run(directory.path, "--why", GPU_A, "--at", at(T0 + 1000));
    expect(code).toBe(0);
    expect(out).toContain("mode auto: switch from hashing to inference (arrival)");
    expect(out).toContain("A request is worth more than the handover.");
    expect(out).toMatch(/^regret {2}25 % of the way to a switch$/m);
    expect(out).toMatch(/^switch {2}there and back 8\.0 s, \$0\.00200; 3 made for prices today, 4 for gaps/m);
    expect(out).toMatch(/^rest +— +fixed +– +20\.0 W +\$0\.00 +– +–$/m);
    expect(out).toContain(resting.why);
  });

  test("says the owner's reason only where it is not the decision's own", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const first = (await run(directory.path, "--why", GPU_A, "--at", at(T0 + 1000))).out;
    expect(first).toMatch(/^owner {3}/m);
    using other = new TemporaryDirectory();
    fill(other.path, decisionFacts().owner.why);
    expect((await run(other.path, "--why", GPU_A, "--at", at(T0 + 1000))).out).not.toMatch(/^owner /m);
  });

  test("gives the same as JSON", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { out } = await run(directory.path, "--why", GPU_A, "--at", at(T0), "--json");
    expect(JSON.parse(out)).toMatchObject({ gpu: GPU_A, rule: "arrival", inputs: { regretShare: 0.25 } });
  });

  test("without a time explains the newest, and says that old facts are no longer kept", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    expect((await run(directory.path, "--why", GPU_A)).out).toMatch(
      /keep hashing \(linger\)\nwhy .*\n.*no longer kept\n$/,
    );
    expect(JSON.parse((await run(directory.path, "--why", GPU_A, "--json")).out).inputs).toBeNull();
  });

  test("without a GPU explains what every GPU decided", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { code, out } = await run(directory.path, "--why");
    expect(code).toBe(0);
    expect(out).toContain(`GPU ${GPU_A}`);
    expect(JSON.parse((await run(directory.path, "--why", "--json")).out)).toMatchObject([{ gpu: GPU_A }]);
  });

  test("names the GPUs that there are where it is asked for another", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { err } = await run(directory.path, "--why", GPU_B);
    expect(err).toContain(
      `there is no GPU "${GPU_B}" (ERR_RIG_UNKNOWN_GPU): take one of ${GPU_A}, or give --why alone`,
    );
  });

  test.each([
    ["a GPU nobody knows", ["--why", GPU_B], "ERR_RIG_UNKNOWN_GPU"],
    ["a time before the first decision", ["--why", GPU_A, "--at", at(T0 - 1)], "ERR_USAGE"],
    ["a time that is none", ["--why", GPU_A, "--at", "noon"], "ERR_USAGE"],
    ["a time without a GPU", ["--at", "2h"], "ERR_USAGE"],
  ])("refuses %s", async (_, args, wanted) => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { code, err } = await run(directory.path, ...args);
    expect(code).toBe(2);
    expect(err).toContain(wanted);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});
