import { Command, CommanderError, InvalidArgumentError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { isAbort, isRigError, toOneLine } from "../lib/errors.ts";
import { bench } from "./bench.ts";
import type { CliContext } from "./context.ts";
import { curtail } from "./curtail.ts";
import { devpool } from "./devpool.ts";
import { doctor } from "./doctor.ts";
import { gpus } from "./gpus.ts";
import { init } from "./init.ts";
import { ledgerEnergy } from "./ledger-energy.ts";
import { ledgerJobs } from "./ledger-jobs.ts";
import { ledgerShares } from "./ledger-shares.ts";
import { ledgerVerify } from "./ledger-verify.ts";
import { mode } from "./mode.ts";
import { poolsCheck } from "./pools-check.ts";
import { profit } from "./profit.ts";
import { replay } from "./replay.ts";
import { start } from "./start.ts";
import { status } from "./status.ts";
import { sayWrongUse } from "./wrong-use.ts";

const DONE = 0;
const FAILED = 1;
const WRONG_USE = 2;

/** Runs one command line (without `node` and script) and returns its exit code; never throws. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await createProgram(args, context).parseAsync(args, { from: "user" });
    return DONE;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USE;
    if (isAbort(error) && context.signal.aborted) return DONE;
    context.printError(`rigshift: ${toOneLine(error)}\n`);
    return isWrongUse(error) ? WRONG_USE : FAILED;
  }
}

const WRONG_USE_CODES =
  /^ERR_(USAGE|BENCH_(TAKE|LIMIT|SHEET)|REPLAY|CONFIG|MODEL|MARKET|SECRET|POOL_URL|RIG_UNKNOWN_GPU|HTTP_(TLS|CUSTOMER_KEYS))/;
const isWrongUse = (error: unknown): boolean => isRigError(error) && WRONG_USE_CODES.test(error.facts.code);

function createProgram(args: readonly string[], context: CliContext): Command {
  const program = new Command("rigshift")
    .description("The agent on a mining rig: per GPU, the work that pays most after electricity.")
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: context.print,
      writeErr: context.printError,
      outputError: (text, write) => write(sayWrongUse(text, args)),
    });
  program
    .command("start")
    .description("run the agent in the foreground")
    .option("--config <file>", "rig.yaml; without it the embedded try-out runs")
    .option("--listen <host:port>", "listen here instead of http.listen")
    .action((options) => start(options, context));
  program
    .command("init")
    .description("ask, detect GPUs, and write a commented rig.yaml")
    .option("--yes", "take the defaults")
    .option("--output <file>", "where to write", "rig.yaml")
    .action((options) => init(options, context));
  located(
    program
      .command("doctor")
      .description("check driver, energy meters, disk, clock, pools and ports, with what mends each"),
  )
    .option("--json", "machine-readable")
    .action((options) => doctor(options, context));
  located(program.command("status").description("the rig now, and why"))
    .option("--why [uuid]", "only what this GPU decided, or all of them, with all it was decided on")
    .option("--at <time>", "with --why, the decision in force then: UTC time or how long ago")
    .option("--json", "machine-readable")
    .action((options) => status(options, context));
  located(program.command("gpus").description("inventory and readings from the hardware, without an agent"))
    .option("--json", "machine-readable")
    .action((options) => gpus(options, context));
  addProfit(program, context);
  addBench(program, context);
  located(program.command("mode").description("set the operator's mode, or print it"))
    .argument("[mode]", "observe, auto, mine, serve, pause or release")
    .option("--gpu <uuid>", "only this GPU, by UUID")
    .option("--for <length>", "such as 90s, 30m or 2h; then the order before holds again")
    .option("--json", "machine-readable")
    .action((wanted: string | undefined, options) => mode(wanted, options, context));
  addCurtail(program, context);
  addLedger(program, context);
  addReplay(program, context);
  program
    .command("devpool")
    .description("run the built-in Stratum pool on loopback, with a sha256d chain of its own or for a node")
    .option("--port <port>", "0 takes any free one", "3333")
    .option("--node <url>", "JSON-RPC address of a node of the Bitcoin family that gives the templates")
    .option("--node-cookie <file>", "the node's .cookie: user:password")
    .option("--algorithm <name>", "of the node's chain: sha256d or scrypt", "sha256d")
    .option("--payout <address>", "who gets the blocks' coins; a new address of the node's wallet when absent")
    .action((options) => devpool(options, context));
  addPools(program, context);
  return program;
}

function addProfit(program: Command, context: CliContext): void {
  located(program.command("profit").description("what every workload is worth per GPU, and what runs now and why"))
    .option("--watch", "look again every five seconds")
    .option("--market <file>", "what if these were the prices; needs no agent")
    .option("--benchmarks <file>", "what if these were the GPUs and their rates; needs no agent")
    .option("--json", "machine-readable")
    .action((options) => profit(options, context));
}

function addBench(program: Command, context: CliContext): void {
  located(program.command("bench").description("measure what GPUs hash or serve, and draw for it"))
    .option("--gpu <uuid>", "only this GPU")
    .option("--workload <name>", "hashing, or inference: tokens a second by the number of requests at once", "hashing")
    .option("--sheet <name>", "of hashing: by this flight sheet")
    .option("--for <length>", "how long to measure each figure, once it is steady", "90s")
    .option("--power-sweep [watts]", "at each of these power limits: 150,200,250 or 150-250 or 150-250/20")
    .option(
      "--adopt [program:port]",
      "take the figures of the miner that runs, ours or a foreign one such as t-rex:4067",
    )
    .option("--yes", "with --adopt: trust a foreign miner that does not say what it hashes")
    .option("--take", "also GPUs that do something else, until the measurement ends")
    .option("--json", "machine-readable")
    .action((options) => bench(options, context));
}

function addCurtail(program: Command, context: CliContext): void {
  located(program.command("curtail").description("keep the rig under so many watts for a while"))
    .option("--max-w <watts>", "for the whole rig, at the wall")
    .option("--until <time>", "2h from now, or a UTC time such as 2026-01-31T14:00")
    .option("--off", "lift the limit")
    .option("--json", "machine-readable")
    .action((options) => curtail(options, context));
}

function addShares(ledger: Command, context: CliContext): void {
  located(ledger.command("shares").description("what the pools accepted and refused, per GPU, flight sheet and coin"))
    .option("--from <time>", "hashing since then: UTC time or how long ago", "24h")
    .option("--json", "machine-readable")
    .action((options) => ledgerShares(options, context));
}

function addPools(program: Command, context: CliContext): void {
  program
    .command("pools")
    .description("the pools that are mined on")
    .command("check")
    .description("log in at every pool, wait for work, and say how long each step took")
    .option("--config <file>", "the rig.yaml whose pools are meant")
    .option("--url <url>", "this pool instead: stratum+tcp://host:port, or stratum+ssl://host:port for TLS")
    .option("--user <user>", "with --url; rigshift when absent")
    .option(
      "--algorithm <name>",
      "with --url: sha256d, scrypt, etchash, kawpow, kheavyhash, alephium or randomx; sha256d when absent",
    )
    .option("--dialect <name>", "with --url, where the algorithm has several")
    .option("--json", "machine-readable")
    .action((options) => poolsCheck(options, context));
}

function addReplay(program: Command, context: CliContext): void {
  program
    .command("replay")
    .description("run every policy over a recorded trace: net, switches, share of the clairvoyant optimum")
    .option("--trace <file>", "prices: CSV t_s,<workload>…, USD per hour")
    .option("--cost <from:to=seconds>", "what one switch takes; repeat for every ordered pair", collect)
    .option("--cost-s <seconds>", "what every switch takes")
    .option("--min-dwell-s <seconds>", "least time between two switches")
    .option("--requests <file>", "gaps: CSV t_s,tokens_in,tokens_out")
    .option("--prefill-tok-s <rate>", "prompt tokens per second")
    .option("--decode-tok-s <rate>", "answer tokens per second")
    .option("--wake-s <seconds>", "from hashing to a warm engine")
    .option("--back-s <seconds>", "from the engine back to hashing")
    .option("--usd-per-mtok-in <price>", "of a million prompt tokens")
    .option("--usd-per-mtok-out <price>", "of a million answer tokens")
    .option("--mine-usd-h <rate>", "net USD per hour of hashing")
    .option("--max-wait-s <seconds>", "also show arrivals coalesced for as long as this")
    .option("--json", "machine-readable")
    .action((options) => replay(options, context));
}

function addLedger(program: Command, context: CliContext): void {
  const ledger = program.command("ledger").description("what the rig remembers");
  addShares(ledger, context);
  located(ledger.command("jobs").description("the newest jobs with their joules and money"))
    .option("--limit <count>", "how many", parseLimit, 20)
    .option(
      "--kind <kind>",
      "only hashing, completion, benchmark, lease or external, or all; all but benchmarks when absent",
    )
    .option("--json", "machine-readable")
    .action((options) => ledgerJobs(options, context));
  located(ledger.command("energy").description("where the joules of every 15-minute slot went"))
    .option("--from <time>", "first slot: UTC time or how long ago", "24h")
    .option("--to <time>", "end, not included; now when absent")
    .option("--gpu <uuid>", "only this GPU")
    .option("--samples", "every minute of every GPU instead: power, energy, load, temperature")
    .option("--json", "machine-readable")
    .option("--csv", "for a spreadsheet")
    .action((options) => ledgerEnergy(options, context));
  located(ledger.command("verify").description("add up every slot and job; fails when a millijoule is missing"))
    .option("--json", "machine-readable")
    .action((options) => ledgerVerify(options, context));
}

const located = (command: Command): Command =>
  command
    .option("--config <file>", "the rig.yaml that the agent was started with")
    .option("--data-dir <dir>", "the agent's data directory");

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d{1,6}$/.test(text) && limit > 0) return limit;
  throw new InvalidArgumentError("give a whole number above 0");
}
