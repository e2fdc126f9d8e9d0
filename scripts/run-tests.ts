import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";
import * as runner from "vitest/node";

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly TestCase[];
}

/** Counts what no test case stands for as well: a file that does not load, a hook that fails, an error nobody awaited. */
function toOutcome(modules: readonly TestModule[], unhandled: number): Outcome {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const groups: (TestModule | TestSuite)[] = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const broken = groups.filter((group) => group.errors().length > 0).length;
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  return {
    passed: inState("passed").length,
    failed: tests.length - inState("passed").length - inState("skipped").length + broken + unhandled,
    skipped: inState("skipped"),
  };
}

function noteOf(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" && result.note) || "no reason given";
}

const write = (line: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()));

async function run(filters: readonly string[]): Promise<Outcome> {
  let outcome: Outcome = { passed: 0, failed: 0, skipped: [] };
  const counter: Reporter = {
    onTestRunEnd: (modules, errors) => {
      outcome = toOutcome(modules, errors.length);
    },
  };
  const vitest = await runner.startVitest([...filters], { run: true, watch: false, reporters: ["default", counter] });
  await vitest.close();
  return outcome;
}

const { passed, failed, skipped } = await run(process.argv.slice(2));
for (const test of skipped) await write(`skipped: ${test.module.relativeModuleId} > ${test.fullName}: ${noteOf(test)}`);
await write(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
// Vitest sets its own code for what it cannot count, such as a configuration it does not understand.
process.exit(failed > 0 || passed === 0 || Number(process.exitCode ?? 0) !== 0 ? 1 : 0);
