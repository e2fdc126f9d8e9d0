import { resolve } from "node:path";

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent on systems without user ids. */
  readonly uid: number | undefined;
  readonly cwd: string;
}

/** Where the ledger, the keys and the token live: the configured folder, $RIGSHIFT_HOME, the service's own or ./.rigshift. */
export function resolveDataDir(configured: string | undefined, { env, uid, cwd }: Surroundings): string {
  if (configured !== undefined) return configured;
  if (env.RIGSHIFT_HOME) return resolve(cwd, env.RIGSHIFT_HOME);
  // systemd gives every service it starts an invocation id.
  if (env.INVOCATION_ID && uid === 0) return "/var/lib/rigshift";
  return resolve(cwd, ".rigshift");
}
