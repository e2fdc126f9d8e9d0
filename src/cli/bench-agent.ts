import { runAgent } from "../agent.ts";
import type { RigClient } from "../api/client.ts";
import { isRigError } from "../lib/errors.ts";
import { type CliContext, findAgent, type LocationOptions } from "./context.ts";
import { UsageError } from "./errors.ts";

const ANY_PORT = { host: "127.0.0.1", port: 0 };

/** Runs an agent that does nothing of its own for as long as `work` takes; what it started is stopped again. */
export async function withStandaloneAgent(
  options: LocationOptions,
  context: CliContext,
  work: (client: RigClient, context: CliContext) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  const agent = runAgent(
    {
      configFile: options.config,
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
      listen: ANY_PORT,
      standing: "pause",
      env: context.env,
      cwd: context.cwd,
      // What went wrong is in the benchmark's own error; the rest is of no use to who measures.
      writeLog: () => {},
      onListening: () => resolve(),
    },
    AbortSignal.any([context.signal, stop.signal]),
  ).catch((error: unknown) => {
    throw inWords(error);
  });
  const ended = agent.then(() => undefined);
  try {
    await Promise.race([listening, ended]);
    if (context.signal.aborted) return;
    const client = await findAgent(options, context);
    // An agent that fails takes its benchmark with it, and knows better why.
    await Promise.race([work(client, context), ended]);
  } finally {
    stop.abort();
    await agent;
  }
}

/** Two agents would fight over the GPUs: which one has them, and what to do about it. */
function inWords(error: unknown): unknown {
  if (!isRigError(error) || error.facts.code !== "ERR_LEDGER_IN_USE") return error;
  return new UsageError(
    error.message,
    {
      code: "ERR_AGENT_RUNNING",
      mend: "measure through that agent once it answers, or stop it and measure without one",
    },
    { cause: error },
  );
}
