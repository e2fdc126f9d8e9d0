import { join } from "node:path";
import { type RunningAgent, runAgent } from "../agent.ts";
import { type Doubt, doubtsOf } from "../config/doubts.ts";
import { type Endpoint, parseListen } from "../config/fields.ts";
import type { RigConfig } from "../config/load.ts";
import { strangersIn } from "../config/named-gpus.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./errors.ts";

export interface StartOptions {
  readonly config?: string;
  readonly listen?: string;
}

/** Runs the agent in the foreground until a signal comes. */
export async function start(options: StartOptions, context: CliContext): Promise<void> {
  const { env, cwd, print, printError, signal } = context;
  const listen = options.listen === undefined ? {} : { listen: toEndpoint(options.listen) };
  await runAgent(
    {
      configFile: options.config,
      ...listen,
      env,
      cwd,
      writeLog: printError,
      onListening: (agent) => {
        const { config, gpus } = agent;
        print(greetingOf(agent));
        for (const warning of [...warningsOf(config), ...strangersIn(config, gpus).map(toWarning)])
          printError(`rigshift: ${warning}\n`);
      },
    },
    signal,
  );
}

/** What runs and where it answers, for a person. */
export function greetingOf({ url, config, dataDir }: Pick<RunningAgent, "url" | "config" | "dataDir">): string {
  const what = config.file ?? "try-out: real work of this machine's CPU at invented prices";
  const lines = [
    `Rigshift runs (${what}, mode ${config.mode})`,
    `  status page  ${url}`,
    ...(config.inference === undefined ? [] : [`  OpenAI API   ${url}/v1`]),
    `  data         ${dataDir}`,
    `  token        ${join(dataDir, "token")} (for changing the mode on the page)`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function toEndpoint(text: string): Endpoint {
  const endpoint = parseListen(text);
  if (endpoint !== undefined) return endpoint;
  throw new UsageError(`--listen: got ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: "give an address and a port such as 127.0.0.1:7411; port 0 takes any free one",
  });
}

const toWarning = ({ name, found, mend }: Doubt): string => `warning: ${name}: ${found}: ${mend}`;

/** What a rig can run with, but hardly should; one line each. */
export const warningsOf = (config: RigConfig): readonly string[] => [
  ...doubtsOf(config).map(toWarning),
  ...(neverWakes(config) ? [NEVER_WAKES] : []),
];

/** Whether no request can ever be worth a handover. */
const neverWakes = ({ inference }: RigConfig): boolean =>
  inference !== undefined && inference.priceIn === 0 && inference.priceOut === 0 && inference.wakeValue === 0;

const NEVER_WAKES =
  "warning: the token prices and wakeValueUsd are all 0, so no request is ever worth waking the engine: " +
  "requests are answered in mode serve only";
