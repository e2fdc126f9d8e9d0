import type { RigConfig } from "../config/load.ts";
import { mendByHand } from "../gpu/power-tool.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import { isRigError } from "../lib/errors.ts";

/** Whether GPUs are set otherwise than they were found, by whom, and what sets them back. */
export const settingChecks = (
  dataDir: string,
  power: Pick<RigConfig["power"], "tool" | "profiles">,
): readonly Check[] => [{ name: "settings of GPUs", run: () => judge(dataDir, power) }];

const AS_FOUND: CheckResult = { level: "ok", found: "as they were found" };

function judge(dataDir: string, { tool, profiles }: Pick<RigConfig["power"], "tool" | "profiles">): CheckResult {
  const changed = changedIn(dataDir);
  const [first] = changed;
  if (first === undefined) return AS_FOUND;
  const names = changed.map(({ gpu }) => gpu).join(", ");
  if (tool !== "off" && profiles.length > 0)
    return {
      level: "ok",
      found: `set for their work on ${names}; set back when it ends, or at the agent's next start`,
    };
  const found = `changed by an earlier agent on ${names}, and not set back`;
  return { level: "warn", found, mend: `start the agent, which sets them back; or ${mendByHand(first.gpu, first)}` };
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
