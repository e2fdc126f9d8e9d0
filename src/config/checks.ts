import type { Check } from "../lib/check.ts";
import { doubtsOf } from "./doubts.ts";
import { type FlightSheetConfig, loadConfig, type RigConfig } from "./load.ts";
import { readSecret } from "./secret.ts";
import { minedBy } from "./sheet-schema.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Whether the file says what it should, and the secrets that it names can be read; `whose` says who named it. */
export const configChecks = (file: string | undefined, env: Env, whose = ""): readonly Check[] => [
  {
    name: "configuration",
    run: () => {
      const { mining, mode } = loadConfig(file);
      for (const { password } of minedBy<Pick<FlightSheetConfig, "pools">>(mining?.sheets ?? []).flatMap(
        ({ pools }) => pools,
      ))
        if (password !== undefined) readSecret(password, env);
      const what =
        file === undefined ? "no file named: the embedded try-out" : `${file}${whose}, mode ${mode} at start`;
      return { level: "ok", found: what };
    },
  },
];

/** One warning for each thing that the file may say, but hardly means. */
export const doubtChecks = (config: RigConfig): readonly Check[] =>
  doubtsOf(config).map(({ name, ...doubt }) => ({ name, run: () => ({ level: "warn", ...doubt }) }));
