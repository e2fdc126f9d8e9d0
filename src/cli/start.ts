import { runAgent } from "../agent.ts";
import type { CliContext } from "./context.ts";

export interface StartOptions {
  readonly config?: string;
}

/** Runs the agent in the foreground until a signal comes. */
export async function start({ config }: StartOptions, context: CliContext): Promise<void> {
  const { env, cwd, print, printError, signal } = context;
  await runAgent(
    {
      configFile: config,
      env,
      cwd,
      writeLog: printError,
      onListening: ({ url, config: running, dataDir }) => {
        const what = running.file ?? "try-out: real work of this machine's CPU at invented prices";
        print(`Rigshift runs (${what}, mode ${running.mode})\n`);
        print(`  status page  ${url}\n  OpenAI API   ${url}/v1\n  data         ${dataDir}\n`);
      },
    },
    signal,
  );
}
