/** An agent in small: runs one piece of work through the process driver, prints its pid and waits to be killed. */
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { createProcessDriver } from "../../../src/workloads/process.ts";
import { MemoryJournal } from "../memory-journal.ts";
import { childSpec } from "../work-spec.ts";

const driver = createProcessDriver({
  clock: systemClock,
  logger: silentLogger,
  journal: new MemoryJournal(),
  env: process.env,
});
const readiness = await driver.ensureReady(childSpec("announce", ["stubborn"]), new AbortController().signal);
process.stdout.write(`${readiness.kind === "ready" ? readiness.work.pid : readiness.kind}\n`);
setInterval(() => {}, 60_000);
