import type { RigConfig } from "../config/load.ts";
import { mendByHand } from "../gpu/power-tool.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import { isRigError } from "../lib/errors.ts";

/** Whether GPUs are set otherwise than they were found, by whom, and what sets them back. */
export const settingChecks = (
  dataDir: string,
  power: PowerSettings,
  present: (signal: AbortSignal) => Promise<readonly string[]>,
): readonly Check[] => [
  {
    name: "settings of GPUs",
    run: async (signal) => {
      const changed = changedIn(dataDir);
      if (changed.length === 0) return AS_FOUND;
      const here = new Set(await present(signal));
      const absent = changed.filter(({ gpu }) => !here.has(gpu));
      return absent.length > 0 ? judgeAbsent(absent) : judge(changed, power);
    },
  },
];

type PowerSettings = Pick<RigConfig["power"], "tool" | "profiles">;
type Changed = ReturnType<typeof changedIn>;

const namesOf = (changed: Changed): string => changed.map(({ gpu }) => gpu).join(", ");

const AS_FOUND: CheckResult = { level: "ok", found: "as they were found" };

/** No start of the agent reaches a GPU that is not in the rig. */
const judgeAbsent = (absent: Changed): CheckResult => ({
  level: "warn",
  found: `changed by an earlier agent on ${namesOf(absent)}, which this rig does not have now`,
  mend: "put it back in and start the agent, which then sets it back",
});

const byHand = ([first]: Changed): string => (first === undefined ? "" : `; or ${mendByHand(first.gpu, first)}`);

function judge(changed: Changed, { tool, profiles }: PowerSettings): CheckResult {
  const names = namesOf(changed);
  if (tool !== "off" && profiles.length > 0)
    return {
      level: "ok",
      found: `set for their work on ${names}; set back when it ends, or at the agent's next start`,
    };
  const found = `changed by an earlier agent on ${names}, and not set back`;
  return { level: "warn", found, mend: `start the agent, which sets them back${byHand(changed)}` };
}

function changedIn(dataDir: string) {
  try {
    const ledger = openLedgerReadOnly(dataDir);
    try {
      return ledger.foundSettings.list();
    } finally {
      ledger.close();
    }
  } catch (error) {
    // What is wrong with the ledger is another line.
    if (isRigError(error)) return [];
    throw error;
  }
}
