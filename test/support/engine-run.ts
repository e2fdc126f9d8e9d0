import { clearRun, identityOf } from "./engine-slot.ts";

/** Names the run, so that its test files share one Engine's images, and removes all of it when the run ends. */
export function setup(): () => Promise<void> {
  if (process.platform !== "linux") return () => Promise.resolve();
  const run = identityOf(process.pid);
  process.env.RIGSHIFT_TEST_RUN = run;
  return () => clearRun(run);
}
