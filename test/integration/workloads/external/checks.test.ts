import { expect, test } from "vitest";
import { parseConfig } from "../../../../src/config/load.ts";
import type { GpuUuid } from "../../../../src/ledger/rows.ts";
import { runCheck } from "../../../../src/lib/check.ts";
import { seconds } from "../../../../src/units/time.ts";
import { externalChecks } from "../../../../src/workloads/external/checks.ts";
import { GPU_A, GPU_B } from "../../../support/ledger-rows.ts";

const NEVER = new AbortController().signal;
const shell = (script: string) => ({ command: ["/bin/sh", "-c", script] });
const ACTIONS = { start: { command: ["/bin/false"] }, stop: { command: ["/bin/false"] } };

async function look(external: Record<string, unknown>, present: readonly GpuUuid[] = [GPU_A]) {
  const config = parseConfig({ version: 1, external: [{ name: "vast", ...external }] }, "rig.yaml", "/");
  const [check] = externalChecks(config.external, () => Promise.resolve(present));
  if (check === undefined) throw new Error("no check");
  return await runCheck(check, NEVER, seconds(10));
}

const rows = [
  [
    "what the hooks say",
    { busy: shell("echo 2"), earnings: shell("echo 0.4") },
    "ok",
    "a customer uses it, 0.4 USD/h come in",
  ],
  ["that nobody uses it", { busy: shell("echo false") }, "ok", "no customer uses it"],
  ["that it can only be started and stopped", ACTIONS, "ok", "it cannot be asked anything"],
  [
    "a program that is not there",
    { ...ACTIONS, start: { command: ["/nowhere/start"] } },
    "fail",
    "/nowhere/start is not there or may not be run",
  ],
  ["a question without an answer", { busy: shell("exit 3") }, "fail", "busy: exit code 3"],
  [
    "an answer that is none",
    { busy: shell("echo 1"), earnings: shell("echo -1") },
    "fail",
    "earnings: wanted a number of USD per hour, from 0, got -1",
  ],
] as const;
for (const [title, external, level, found] of rows)
  test(`doctor tells ${title}`, async () => {
    expect(await look(external)).toMatchObject({ name: "external vast", level, found });
  });

test("doctor starts and stops nothing", async () => {
  const began = performance.now();
  const hook = shell("sleep 9; exit 1");
  expect(await look({ start: hook, stop: hook })).toMatchObject({ level: "ok" });
  expect(performance.now() - began).toBeLessThan(5000);
});

const SAYS_GPUS = {
  busy: shell('case "$RIGSHIFT_GPUS" in *,*) echo 2 ;; *-b*) echo 1 ;; "") exit 9 ;; *) echo 0 ;; esac'),
};

test("doctor asks of each GPU that the agent would ask of, where the configuration names none", async () => {
  const both = [GPU_A, GPU_B] as const;
  expect(await look(SAYS_GPUS, [GPU_A])).toMatchObject({ level: "ok", found: "no customer uses it" });
  expect(await look(SAYS_GPUS, both)).toMatchObject({
    level: "ok",
    found: `${GPU_A}: no customer uses it; ${GPU_B}: a customer uses it`,
  });
  expect(await look({ ...SAYS_GPUS, asSet: true }, both)).toMatchObject({ level: "ok", found: "a customer uses it" });
});

test("doctor tells of which GPU a question has no answer", async () => {
  const external = { busy: shell('case "$RIGSHIFT_GPU" in *-b*) exit 3 ;; *) echo 0 ;; esac') };
  expect(await look(external, [GPU_A, GPU_B])).toMatchObject({ level: "fail", found: `${GPU_B}: busy: exit code 3` });
});

test("doctor tells a set that lacks a GPU, and a list of which some are not there", async () => {
  const external = { ...SAYS_GPUS, gpus: [GPU_A, "GPU-gone"] };
  expect(await look({ ...external, asSet: true })).toMatchObject({
    level: "fail",
    found: "this rig has no GPU-gone, so it takes none",
  });
  expect(await look(external)).toMatchObject({
    level: "warn",
    found: "no customer uses it; this rig has no GPU-gone",
  });
});
