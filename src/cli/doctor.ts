import { hostname } from "node:os";
import { listenerChecks } from "../agent.ts";
import { apiChecks, configOfRunning } from "../api/checks.ts";
import { configChecks, doubtChecks } from "../config/checks.ts";
import { type FlightSheetConfig, loadConfig, type RigConfig } from "../config/load.ts";
import { poolsBySheet } from "../config/sheet-schema.ts";
import { energyChecks } from "../energy/checks.ts";
import { gpuChecks } from "../gpu/checks.ts";
import { lookOnce, type SeenGpu } from "../gpu/look-once.ts";
import { namedGpuChecks } from "../gpu/named-checks.ts";
import { powerToolChecks } from "../gpu/power-tool.ts";
import { inferenceChecks } from "../inference/checks.ts";
import { ledgerChecks } from "../ledger/checks.ts";
import { type Check, type Checked, type CheckLevel, runCheck } from "../lib/check.ts";
import { systemClock } from "../lib/clock.ts";
import { marketChecks } from "../market/checks.ts";
import { miningChecks } from "../mining/checks.ts";
import { minerChecks } from "../mining/miners/checks.ts";
import { settingChecks } from "../rig/checks.ts";
import { externalWorkChecks } from "../rig/external-checks.ts";
import { seconds } from "../units/time.ts";
import { workloadChecks } from "../workloads/checks.ts";
import { externalChecks } from "../workloads/external/checks.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";

/** More than any check allows itself. */
const LIMIT = seconds(12);

/** Runs the checks of every folder at once and lists them; throws `ERR_DOCTOR` when one fails. */
export async function doctor(options: LocationOptions & { readonly json?: true }, context: CliContext): Promise<void> {
  const checks = checksOf(await placeOf(options, context), context);
  const checked = await Promise.all(checks.map((check) => runCheck(check, context.signal, LIMIT)));
  context.signal.throwIfAborted();
  const failed = checked.filter(({ level }) => level === "fail").length;
  if (options.json) printJson(context, { ok: failed === 0, checks: checked.map(toView) });
  else context.print(toLines(checked));
  if (failed > 0) throw fault(failed);
}

interface Place extends LocationOptions {
  readonly whose?: string;
}

/** Where no file is named, that of the agent which answers: another one would say nothing of this rig. */
async function placeOf(options: LocationOptions, context: CliContext): Promise<Place> {
  if (options.config !== undefined) return options;
  const dataDir = findDataDir(options, context);
  const config = await configOfRunning(dataDir, context.signal);
  return config === undefined ? options : { config, dataDir, whose: ", as the agent that answers was started with" };
}

/** Without a configuration that can be read, only what does not depend on one. */
function checksOf(options: Place, context: CliContext): readonly Check[] {
  const { env } = context;
  const clock = systemClock;
  const config = readable(options.config);
  const first = configChecks(options.config, env, options.whose);
  if (config === undefined) return [...first, ...gpuChecks({ source: "auto", clock, env })];
  const dataDir = findDataDir(options, context);
  const { minerAddress: _, ...docker } = config.workloads.docker;
  const look = lookerAt(config, env);
  const present = async (signal: AbortSignal) => (await look(signal)).map(({ uuid }) => uuid);
  return [
    ...first,
    ...doubtChecks(config),
    ...ledgerChecks(dataDir, clock),
    ...gpuChecks({ source: config.gpus.source, clock, env }),
    ...namedGpuChecks(config, { clock, fallbackId: hostname(), env }),
    ...powerToolChecks(config.power, env),
    ...settingChecks(dataDir, config.power, present),
    ...energyChecks(config.power.wall.meter),
    ...workloadChecks({ ...docker, clock, env, uid: process.getuid?.() }),
    ...miningChecks(poolsBySheet<Pick<FlightSheetConfig, "pools">>(config.mining?.sheets ?? [])),
    ...minerChecks(config.mining?.sheets ?? [], { rig: config.rig.name, env }),
    ...externalChecks(config.external, present),
    ...externalWorkChecks({ config, dataDir, clock, look }),
    ...marketChecks(config, clock),
    ...inferenceChecks(config.inference?.engine),
    ...listenerChecks(config),
    ...apiChecks(config.http.listen, dataDir),
  ];
}

/** Opens the GPUs once for all checks that ask, and only if one does. */
function lookerAt(config: RigConfig, env: CliContext["env"]): (signal: AbortSignal) => Promise<readonly SeenGpu[]> {
  let seen: Promise<readonly SeenGpu[]> | undefined;
  return (signal) => {
    seen ??= lookOnce(config, { clock: systemClock, fallbackId: hostname(), env }, signal);
    return seen;
  };
}

function readable(file: string | undefined): RigConfig | undefined {
  try {
    return loadConfig(file);
  } catch {
    // The first check says what is wrong with it.
    return undefined;
  }
}

const toView = ({ name, level, found, mend }: Checked) => ({ name, level, found, mend: mend ?? null });

const LABEL: Readonly<Record<CheckLevel, string>> = { ok: "ok  ", warn: "warn", fail: "fail" };

function toLines(checked: readonly Checked[]): string {
  const width = Math.max(...checked.map(({ name }) => name.length));
  return checked
    .map(({ name, level, found, mend }) => {
      const then = mend === undefined ? "" : `\n      ${" ".repeat(width)}→ ${mend}`;
      return `${LABEL[level]}  ${name.padEnd(width)}  ${found}${then}\n`;
    })
    .join("");
}

const fault = (count: number): UsageError =>
  new UsageError(`${count} ${count === 1 ? "check" : "checks"} failed`, {
    code: "ERR_DOCTOR",
    mend: "do what stands below each line marked fail, then run it again",
  });
