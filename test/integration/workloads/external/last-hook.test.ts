import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { seconds, unixMs } from "../../../../src/units/time.ts";
import { outlastHook } from "../../../../src/workloads/external/last-hook.ts";
import { ExternalProgram, type RunningHook } from "../../../../src/workloads/external/program.ts";
import { readProcess } from "../../../../src/workloads/process-table.ts";
import { T0 } from "../../../support/ledger-rows.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const NEVER = new AbortController().signal;
const logger = createLogger("error", () => {});

test("a start hook is told of before it is called, with its process, and a later agent ends that process", async () => {
  const told: RunningHook[] = [];
  const { promise: known, resolve } = Promise.withResolvers<RunningHook>();
  const command = { kind: "command", command: ["/bin/sh", "-c", "sleep 60 & wait"], timeout: seconds(30) } as const;
  const program = new ExternalProgram({
    spec: {
      name: "vast",
      start: command,
      stop: { ...command, command: ["/bin/true"] },
      privateHosts: [],
    },
    gpus: ["GPU-1"],
    clock: systemClock,
    logger,
    onChange: () => {},
    onHook: (hook) => {
      told.push(hook);
      if (hook.pid !== undefined) resolve(hook);
    },
  });
  const started = program.start("it pays most", NEVER);
  const { pid, startTicks } = await known;
  expect(told).toEqual([{ timeout: 30_000 }, { timeout: 30_000, pid, startTicks }]);
  await outlastHook({ name: "vast", ends: unixMs(0), pid, startTicks }, { clock: systemClock, logger }, NEVER);
  expect(readProcess(pid ?? 0)?.zombie !== false).toBe(true);
  expect(await started).toContain("ended by SIGTERM");
});

test("a process that only has the number of the hook is left alone", async () => {
  const other = spawn("sleep", ["60"], { detached: true });
  try {
    const parts = { clock: systemClock, logger };
    await outlastHook({ name: "vast", ends: unixMs(0), pid: other.pid, startTicks: 1 }, parts, NEVER);
    expect(readProcess(other.pid ?? 0)).toMatchObject({ zombie: false });
  } finally {
    other.kill("SIGKILL");
  }
});

test("a hook without a process is waited for until its time is over, and never for longer than a hook may take", async () => {
  for (const [ends, rest] of [
    [T0 + 60_000, 60_000],
    [T0 + 86_400_000, 600_000],
  ] as const) {
    const clock = new ManualClock(T0);
    let isOver = false;
    const done = outlastHook({ name: "vast", ends: unixMs(ends) }, { clock, logger }, NEVER).then(() => {
      isOver = true;
    });
    await clock.advance(rest - 1);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await done;
  }
});
