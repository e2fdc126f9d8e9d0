import { expect, test } from "vitest";
import { millis, seconds } from "../../../src/units/time.ts";
import { runHook } from "../../../src/workloads/hook.ts";

const { signal } = new AbortController();
const run = (code: string, timeout = seconds(30)) =>
  runHook({ command: [process.execPath, "-e", code], timeout, env: { RIGSHIFT_GPU: "GPU-1" } }, signal);

test("a command that ends well says nothing", async () => {
  expect(await run("console.log('rebooting')")).toBeUndefined();
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
  ["output without end is cut off", "for (;;) process.stdout.write('x'.repeat(65536))", /maxBuffer|larger/i],
] as const;
for (const [title, code, reason] of failures)
  test(`a command that fails: ${title}`, async () => {
    expect(await run(code)).toMatch(reason);
  });

test("a command that hangs is ended after its time", async () => {
  const began = performance.now();
  expect(await run("setInterval(() => {}, 1000)", millis(500))).toContain("timed out");
  expect(performance.now() - began).toBeLessThan(20_000);
});
