import { systemClock } from "../lib/clock.ts";
import { createLogger } from "../lib/logger.ts";
import { startDevpool } from "../mining/reference/devpool.ts";
import { seconds } from "../units/time.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./errors.ts";

export interface DevpoolOptions {
  readonly port: string;
}

const REPORT_EVERY = seconds(10);

/** Runs the built-in pool with its own sha256d chain in the foreground, on loopback. */
export async function devpool({ port }: DevpoolOptions, context: CliContext): Promise<void> {
  const { print, printError, signal } = context;
  const logger = createLogger("info", printError);
  const pool = await startDevpool({ host: "127.0.0.1", port: parsePort(port), clock: systemClock, logger });
  try {
    print(
      `devpool listens on stratum+tcp://${pool.host}:${pool.port} (any user, any password; the coin is worth nothing)\n`,
    );
    while (!signal.aborted) {
      await systemClock.wait(REPORT_EVERY, signal);
      if (!signal.aborted) print(`${JSON.stringify(pool.stats())}\n`);
    }
  } finally {
    await pool.close();
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`--port: got ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: "give a port from 0 (any free one) to 65535",
  });
}
