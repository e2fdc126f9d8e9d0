import type { RigConfig } from "../config/load.ts";
import type { SeenGpu } from "../gpu/look-once.ts";
import type { ExternalStay } from "../ledger/external-stays.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import type { Clock } from "../lib/clock.ts";
import { isRigError } from "../lib/errors.ts";
import { watts } from "../units/energy.ts";
import { setsOf } from "../workloads/external/sets.ts";
import { forgottenOf } from "./forgotten-stays.ts";
import { budgetOf } from "./power-hold.ts";

export interface ExternalWorkCheckParts {
  readonly config: Pick<RigConfig, "external" | "power">;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly look: (signal: AbortSignal) => Promise<readonly SeenGpu[]>;
}

/** Whether the GPUs of each external workload have the power to work together, and none of an earlier agent's is forgotten. */
export function externalWorkChecks(parts: ExternalWorkCheckParts): readonly Check[] {
  const { config, look } = parts;
  const startable = config.external.filter(({ start }) => start !== undefined);
  return [
    ...startable.map((external) => ({
      name: `power of ${external.name}`,
      run: async (signal: AbortSignal) => judgePower(external, parts, await look(signal)),
    })),
    { name: "external work left", run: async (signal) => judgeLeft(parts, signal) },
  ];
}

/** Only what is known counts: a GPU that tells no limit is taken to draw nothing. */
function judgePower(
  external: RigConfig["external"][number],
  { config, clock }: ExternalWorkCheckParts,
  seen: readonly SeenGpu[],
): CheckResult {
  const gpus = seen.map(({ uuid }, index) => ({ uuid, index, name: uuid }));
  const budget = budgetOf({ config, clock, gpus, driver: {} });
  if (!budget.isLimited) return { level: "ok", found: "no power budget" };
  for (const { uuid, powerLimit = watts(0) } of seen)
    budget.expect(uuid, { most: () => powerLimit, atRest: () => watts(0) });
  const { sets } = setsOf(
    external,
    seen.map(({ uuid }) => uuid),
  );
  const lack = sets.map((set) => budget.whyNeverTogether(set)).find((words) => words !== undefined);
  const untold = sets.flat().filter((gpu) => seen.find(({ uuid }) => uuid === gpu)?.powerLimit === undefined);
  const unknown = untold.length === 0 ? "" : `, as far as is known: ${untold.join(", ")} tells no power limit`;
  if (lack === undefined) return { level: "ok", found: `within the power budget${unknown}` };
  const mend = "raise power.budget, lower the GPUs' power limits, or take fewer GPUs into its set";
  return { level: "fail", found: lack, mend };
}

async function judgeLeft({ config, dataDir, look }: ExternalWorkCheckParts, signal: AbortSignal): Promise<CheckResult> {
  const left = readStays(dataDir);
  if (left.length === 0) return { level: "ok", found: "none" };
  const present = (await look(signal)).map(({ uuid }) => uuid);
  const [first, ...others] = forgottenOf(left, config.external, present);
  if (first === undefined) return { level: "ok", found: sayAsked(left.filter(({ gpu }) => !present.includes(gpu))) };
  const more = others.length === 0 ? "" : `; and ${others.length} more`;
  return { level: "warn", found: `${first.found}${more}`, mend: first.mend };
}

/** What was left on a GPU that is not there is no trouble until it is back. */
function sayAsked(absent: readonly ExternalStay[]): string {
  if (absent.length === 0) return "all of it can be asked";
  const what = absent.map(({ name, gpu }) => `${name} on ${gpu}`).join(", ");
  return `${what}, which ${absent.length === 1 ? "is" : "are"} not in this rig; all else can be asked`;
}

/** Before the first start of this version there is nothing to read. */
function readStays(dataDir: string) {
  try {
    const ledger = openLedgerReadOnly(dataDir);
    try {
      return ledger.externalStays.list();
    } finally {
      ledger.close();
    }
  } catch (error) {
    const code = isRigError(error) ? error.facts.code : undefined;
    if (code === "ERR_LEDGER_MISSING" || code === "ERR_LEDGER_OLDER") return [];
    throw error;
  }
}
