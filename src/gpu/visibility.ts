import type { CheckResult } from "../lib/check.ts";

/** What one GPU tells of who is on it. */
export interface Visibility {
  readonly name: string;
  readonly index: number;
  readonly tellsPrograms: boolean;
  /** Both what it has and what is used. */
  readonly tellsMemory: boolean;
}

/** Whether a handover can be verified on every GPU: by the programs on it, or by its memory. */
export function judgeVisibility(gpus: readonly Visibility[]): CheckResult {
  const blind = gpus.filter(({ tellsPrograms, tellsMemory }) => !tellsPrograms && !tellsMemory);
  if (blind.length > 0) {
    const which = blind.map(({ index, name }) => `GPU ${index} (${name})`).join(", ");
    return {
      level: "warn",
      found: `${which} tells neither its programs nor its memory: no handover there can be verified`,
      mend: "update NVIDIA's driver, and run the agent on the machine itself and not inside a virtual machine's slice",
    };
  }
  const byMemory = gpus.filter(({ tellsPrograms }) => !tellsPrograms).length;
  if (byMemory === 0) return { level: "ok", found: "who is on a GPU can be read" };
  return {
    level: "warn",
    found: `${byMemory} of ${gpus.length} do not list their programs: guests are not noticed there`,
    mend: "update NVIDIA's driver, and run the agent on the machine itself and not in a container",
  };
}
