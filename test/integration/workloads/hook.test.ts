import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { millis, seconds } from "../../../src/units/time.ts";
import { askHook, runHook } from "../../../src/workloads/hook.ts";
import { readProcess } from "../../../src/workloads/process-table.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const call = (code: string, timeout = seconds(30)) => ({
  command: [process.execPath, "-e", code],
  timeout,
  env: { RIGSHIFT_GPU: "GPU-1" },
});
const run = (code: string, timeout = seconds(30)) => runHook(call(code, timeout), signal);
const isAlive = (pid: number): boolean => {
  const stat = readProcess(pid);
  return stat !== undefined && !stat.zombie;
};
const shell = (script: string, timeout = seconds(30)) =>
  askHook({ command: ["/bin/sh", "-c", script], timeout }, signal);

test("a command that ends well says nothing", async () => {
  expect(await run("console.log('rebooting')")).toBeUndefined();
});

test("a command's output is what it answered", async () => {
  expect(await askHook(call("console.log(JSON.stringify({ busy: true }))"), signal)).toEqual({
    kind: "answered",
    text: '{"busy":true}',
  });
});

test("a command gets its own variables and nothing else of ours", async () => {
  process.env.RIGSHIFT_TEST_SECRET = "x";
  const code = "process.exit(process.env.RIGSHIFT_GPU === 'GPU-1' && !process.env.RIGSHIFT_TEST_SECRET ? 0 : 1)";
  expect(await run(code)).toBeUndefined();
  delete process.env.RIGSHIFT_TEST_SECRET;
});

test("no shell reads the command", async () => {
  expect(await runHook({ command: ["/bin/echo; exit 0"], timeout: seconds(5) }, signal)).toContain("ENOENT");
});

const failures = [
  ["its last words are the reason, safe to print", "console.error('no\\u001b[31mpe'); process.exit(1)", /^no \[31mpe$/],
  ["without words its exit code is the reason", "process.exit(3)", /^exit code 3$/],
  ["output without end is cut off", "for (;;) process.stdout.write('x'.repeat(65536))", /larger than 65536/],
] as const;
for (const [title, code, reason] of failures)
  test(`a command that fails: ${title}`, async () => {
    expect(await run(code)).toMatch(reason);
  });

test("the reason of a failure repeats no argument, which may be a secret", async () => {
  const answer = await askHook({ command: ["/bin/sh", "-c", "exit 1", "hunter2"], timeout: seconds(5) }, signal);
  expect(answer).toEqual({ kind: "failed", reason: "exit code 1" });
});

test("a command that hangs is ended after its time", async () => {
  const began = performance.now();
  expect(await run("setInterval(() => {}, 1000)", millis(500))).toContain("timed out");
  expect(performance.now() - began).toBeLessThan(20_000);
});

test("a script whose child hangs is ended with that child", async () => {
  using directory = new TemporaryDirectory();
  const file = directory.write("pid", "");
  const began = performance.now();
  const answer = await shell(`sleep 60 & echo $! > ${file}; sleep 60`, millis(400));
  expect(answer).toMatchObject({ kind: "failed", reason: expect.stringContaining("timed out") });
  expect(performance.now() - began).toBeLessThan(10_000);
  const pid = Number(readFileSync(file, "utf8"));
  expect(pid).toBeGreaterThan(1);
  await expect.poll(() => isAlive(pid)).toBe(false);
});

test("a program that a script leaves in the background keeps nobody waiting and lives on", async () => {
  const began = performance.now();
  const answer = await shell("sleep 30 & echo $!");
  expect(answer.kind).toBe("answered");
  expect(performance.now() - began).toBeLessThan(10_000);
  const pid = Number(answer.kind === "answered" ? answer.text : Number.NaN);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
});

test("a command is ended when the agent stops, and none is begun after that", async () => {
  const stop = new AbortController();
  const answer = askHook(call("setInterval(() => {}, 1000)"), stop.signal);
  stop.abort();
  expect(await answer).toEqual({ kind: "failed", reason: "the agent stops" });
  expect(await askHook(call("0"), stop.signal)).toMatchObject({ kind: "failed" });
});

test("a command with a zero byte is a failure that repeats nothing of it", async () => {
  const answer = await askHook({ command: ["/bin/echo", "a\0secret"], timeout: seconds(5) }, signal);
  expect(answer).toEqual({ kind: "failed", reason: "it is no command that can be started" });
});
