import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import type { SeenGpu } from "../../../src/gpu/look-once.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import { runCheck } from "../../../src/lib/check.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { externalWorkChecks } from "../../../src/rig/external-checks.ts";
import { watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const HOOK = { command: ["/bin/true"] };
const SET = { name: "vast", asSet: true, start: HOOK, stop: HOOK };
const BOTH = [
  { uuid: GPU_A, powerLimit: watts(300) },
  { uuid: GPU_B, powerLimit: watts(250) },
] as const satisfies readonly SeenGpu[];

let directory: TemporaryDirectory;
const clock = new ManualClock(T0);
const logger = createLogger("error", () => {});
beforeEach(() => {
  directory = new TemporaryDirectory();
});
afterEach(() => directory[Symbol.dispose]());

function look(name: string, file: Record<string, unknown>, seen: readonly SeenGpu[] = BOTH) {
  const config = parseConfig({ version: 1, ...file }, "rig.yaml", "/");
  const checks = externalWorkChecks({ config, dataDir: directory.path, clock, look: () => Promise.resolve(seen) });
  const check = checks.find((one) => one.name === name);
  if (check === undefined) throw new Error(`no check ${name} among ${checks.map((one) => one.name).join(", ")}`);
  return runCheck(check, NEVER, seconds(10));
}

const rows = [
  ["no budget at all", {}, BOTH, "ok", "no power budget"],
  ["room for all of them", { maxW: 560 }, BOTH, "ok", "within the power budget"],
  [
    "never room for all of them",
    { maxW: 540 },
    BOTH,
    "fail",
    `${GPU_A}, ${GPU_B} may draw 550 W, and the power budget of the rig is 540 W, so that it can never be had`,
  ],
  [
    "a limit that one GPU does not tell",
    { maxW: 540 },
    [BOTH[0], { uuid: GPU_B }],
    "ok",
    `within the power budget, as far as is known: ${GPU_B} tells no power limit`,
  ],
] as const;
for (const [title, budget, seen, level, found] of rows)
  test(`doctor tells of a set with ${title}`, async () => {
    expect(await look("power of vast", { external: [SET], power: { budget } }, seen)).toMatchObject({ level, found });
  });

test("doctor asks no power of a workload that comes by itself", async () => {
  const external = [{ name: "vast", busy: HOOK }];
  await expect(async () => look("power of vast", { external })).rejects.toThrow("no check");
});

describe("external work that an earlier agent left", () => {
  const left = (name: string) => {
    const ledger = openLedger(directory.path, { clock, logger });
    ledger.externalStays.put([GPU_A], { name, state: "running", at: clock.now(), bootId: undefined });
    ledger.close();
  };

  test("is none where there is no ledger yet", async () => {
    expect(await look("external work left", {})).toMatchObject({ level: "ok", found: "none" });
  });

  test("is no news where it is configured still", async () => {
    left("vast");
    expect(await look("external work left", { external: [SET] })).toMatchObject({ level: "ok" });
  });

  test("is told of a GPU that the rig does not have now", async () => {
    left("vast");
    const other = [{ uuid: GPU_B }];
    expect(await look("external work left", { external: [{ name: "vast", busy: HOOK }] }, other)).toEqual(
      expect.objectContaining({
        level: "ok",
        found: `vast on ${GPU_A}, which is not in this rig; all else can be asked`,
      }),
    );
  });

  test("is told, with what to do, where rig.yaml does not name it any more", async () => {
    left("vast");
    left("clore");
    expect(await look("external work left", {})).toMatchObject({
      level: "warn",
      found:
        "clore may still run: an earlier agent left it running, and rig.yaml does not name it any more, " +
        "so that nobody can be asked; and 1 more",
      mend: expect.stringContaining(`rigshift mode auto --gpu ${GPU_A}`),
    });
  });
});
