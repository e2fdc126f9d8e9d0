import { createServer } from "node:net";
import type { Endpoint } from "../config/fields.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { readAgentFile } from "./agent-file.ts";
import { checkAnswer } from "./answer-check.ts";
import { createClient, type RigClient } from "./client.ts";
import { readToken } from "./token-file.ts";

const ANOTHER = "end what listens there, or set http.listen to another port";

/** Whether the agent answers on its port, or could; and what one that runs cannot do as configured. */
export const apiChecks = (listen: Endpoint, dataDir: string): readonly Check[] => [
  {
    name: "port",
    run: async (signal) => {
      const running = await findRunning(dataDir, signal);
      return running === undefined
        ? tryListening(listen)
        : { level: "ok", found: `the agent answers on ${running.url}` };
    },
  },
  { name: "agent's warnings", run: async (signal) => judgeWarnings(await findRunning(dataDir, signal), signal) },
];

/** The configuration file that the agent which answers over `dataDir` was started with; undefined where none does. */
export const configOfRunning = async (dataDir: string, signal: AbortSignal): Promise<string | undefined> =>
  (await findRunning(dataDir, signal))?.config;

interface Running {
  readonly url: string;
  readonly config: string | undefined;
  readonly client: RigClient;
}

async function judgeWarnings(running: Running | undefined, signal: AbortSignal): Promise<CheckResult> {
  if (running === undefined) return { level: "ok", found: "no agent runs" };
  const { gpus } = await running.client.rig(signal);
  const all = gpus.flatMap(({ index, warnings }) => warnings.map((words) => `GPU ${index}: ${words}`));
  if (all.length === 0) return { level: "ok", found: "none" };
  return {
    level: "warn",
    found: all.join("; "),
    mend: "see to the cause that is named; rigshift status tells how it goes",
  };
}

async function findRunning(dataDir: string, signal: AbortSignal): Promise<Running | undefined> {
  const agent = readAgentFile(dataDir);
  if (agent === undefined) return undefined;
  try {
    const token = await readToken(dataDir);
    // Over TLS the certificate has told who listens, and off loopback even this needs the token.
    const authorizeReads = agent.url.startsWith("https:");
    const client = createClient({ baseUrl: agent.url, token: () => token, authorizeReads, check: checkAnswer });
    const { instance } = await client.health(signal);
    return instance === agent.id ? { url: agent.url, config: agent.config, client } : undefined;
  } catch {
    // An agent that ended leaves its address behind.
    return undefined;
  }
}

/** Listens for a moment; nobody is accepted. */
function tryListening({ host, port }: Endpoint): Promise<CheckResult> {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error) => resolve(toRefusal(error, where)));
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve({ level: "ok", found: port === 0 ? "any free port" : `${where} is free` }));
    });
  });
}

function toRefusal(error: Error, where: string): CheckResult {
  switch (systemCodeOf(error)) {
    case "EADDRINUSE":
      return { level: "fail", found: `something else listens on ${where}`, mend: ANOTHER };
    case "EADDRNOTAVAIL":
      return { level: "fail", found: `${where} is no address of this machine`, mend: "correct http.listen" };
    default:
      return { level: "fail", found: `${where} cannot be listened on (${messageOf(error)})`, mend: ANOTHER };
  }
}
