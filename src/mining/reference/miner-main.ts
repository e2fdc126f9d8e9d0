import { isIP } from "node:net";
import { availableParallelism, setPriority } from "node:os";
import { parseArgs } from "node:util";
import { systemClock } from "../../lib/clock.ts";
import { systemCodeOf, toOneLine } from "../../lib/errors.ts";
import { createLogger } from "../../lib/logger.ts";
import { MiningError } from "../errors.ts";
import { isLoopback, type ListenAddress } from "../loopback.ts";
import { parsePoolUrl } from "../stratum/pool-url.ts";
import { Miner } from "./miner.ts";
import { type ApiAddress, startMinerApi } from "./miner-http.ts";

const MAX_THREADS = 1024;

interface Arguments {
  readonly pool: string;
  readonly user: string;
  readonly password: string;
  readonly threads: number;
  readonly api: ApiAddress;
  readonly nice: number;
  readonly startPaused: boolean;
  readonly exitWithStdin: boolean;
}

const OPTIONS = {
  pool: { type: "string" },
  user: { type: "string" },
  password: { type: "string", default: "x" },
  threads: { type: "string", default: String(Math.max(1, availableParallelism() - 1)) },
  "api-host": { type: "string", default: "127.0.0.1" },
  "api-port": { type: "string", default: "0" },
  "api-socket": { type: "string" },
  nice: { type: "string", default: "10" },
  "start-paused": { type: "boolean", default: false },
  "exit-with-stdin": { type: "boolean", default: false },
} as const;

const badArgument = (field: string, message: string): MiningError =>
  new MiningError(message, { code: "ERR_MINER_ARGUMENT", field, retryable: false });

function whole(field: string, text: string, range: { readonly min: number; readonly max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= range.min && value <= range.max) return value;
  throw badArgument(field, `--${field} is not a whole number from ${range.min} to ${range.max}`);
}

function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  if (values.pool === undefined) throw badArgument("pool", "--pool is missing");
  if (values.user === undefined) throw badArgument("user", "--user is missing");
  parsePoolUrl(values.pool);
  return {
    pool: values.pool,
    user: values.user,
    password: values.password,
    threads: whole("threads", values.threads, { min: 1, max: MAX_THREADS }),
    api: apiAddress(values["api-socket"], {
      host: values["api-host"],
      port: whole("api-port", values["api-port"], { min: 0, max: 65_535 }),
    }),
    nice: whole("nice", values.nice, { min: 0, max: 19 }),
    startPaused: values["start-paused"],
    exitWithStdin: values["exit-with-stdin"],
  };
}

function apiAddress(socket: string | undefined, address: ListenAddress): ApiAddress {
  if (socket === "") throw badArgument("api-socket", "--api-socket is empty");
  if (socket !== undefined) return { socket };
  if (isLoopback(address.host) || isIP(address.host) !== 0) return address;
  throw badArgument("api-host", "--api-host is not an IP address");
}

/** Resolves when the process is asked to end: a signal, or the end of stdin where that was asked for. */
function askedToEnd(withStdin: boolean): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    if (!withStdin) return;
    process.stdin.once("end", () => resolve()).once("error", () => resolve());
    process.stdin.resume();
  });
}

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2));
  // Before the threads start: on Linux each thread has its own niceness and takes its creator's.
  setPriority(args.nice);
  const logger = createLogger("info", (line) => void process.stderr.write(line));
  const fault = Promise.withResolvers<never>();
  const miner = new Miner({
    pool: { url: args.pool, user: args.user, password: args.password },
    threads: args.threads,
    startPaused: args.startPaused,
    clock: systemClock,
    logger,
    onFault: fault.reject,
  });
  const end = askedToEnd(args.exitWithStdin);
  await Promise.race([miner.start(), fault.promise]);
  const api = await startMinerApi(miner, args.api);
  process.stdout.write(`${JSON.stringify({ event: "listening", ...api.address, threads: args.threads })}\n`);
  await Promise.race([end, fault.promise]);
  await api.close();
  await miner.close();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const code = error instanceof MiningError ? error.facts.code : systemCodeOf(error);
    const isUsage = code === "ERR_MINER_ARGUMENT" || code === "ERR_POOL_URL" || code?.startsWith("ERR_PARSE_ARGS");
    process.stderr.write(`miner: ${toOneLine(error)}\n`);
    process.exit(isUsage ? 2 : 1);
  },
);
