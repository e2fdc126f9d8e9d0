import { dirname, join, resolve } from "node:path";

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent on systems without user ids. */
  readonly uid: number | undefined;
  readonly cwd: string;
}

/** What of a configuration tells where its agent keeps things. */
interface Placed {
  readonly dataDir?: string;
  /** Absolute; absent for the try-out. */
  readonly file?: string;
}

/**
 * Where the ledger, the keys and the token live: the configured folder, $RIGSHIFT_HOME, the service's own, `.rigshift`
 * beside the configuration file, or without a file that of the working directory.
 */
export function resolveDataDir({ dataDir, file }: Placed, { env, uid, cwd }: Surroundings): string {
  if (dataDir !== undefined) return dataDir;
  if (env.RIGSHIFT_HOME) return resolve(cwd, env.RIGSHIFT_HOME);
  // systemd gives every service it starts an invocation id.
  if (env.INVOCATION_ID && uid === 0) return "/var/lib/rigshift";
  return file === undefined ? resolve(cwd, ".rigshift") : join(dirname(file), ".rigshift");
}
