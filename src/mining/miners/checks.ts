import type { FlightSheetConfig } from "../../config/load.ts";
import { readSecret } from "../../config/secret.ts";
import type { Check, CheckResult } from "../../lib/check.ts";
import type { PoolTarget } from "../stratum/pool-url.ts";
import type { MinerPool, MinerProgram } from "./program.ts";
import { adapterOf, checkFile, toMinerPool } from "./program-run.ts";

type Sheet = Pick<FlightSheetConfig, "name" | "algorithm" | "pools" | "gpus" | "miner" | "image">;
/** Names of the rig and of secrets, which the logins at the pools are made of. */
interface Setting {
  readonly rig: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Whether the operator's miner programs can be run, hash on when the agent is dead, and keep what their API says to this
 * machine; one that an image holds knows neither pools nor our network.
 */
export function minerChecks(sheets: readonly Sheet[], setting: Setting): readonly Check[] {
  const native = sheets.filter(({ miner, image }) => miner?.file !== undefined && image === undefined);
  return [...fileChecks(native), ...native.flatMap((sheet) => programChecks(sheet, setting))];
}

/** A program of several flight sheets is looked at once. */
function fileChecks(sheets: readonly Sheet[]): readonly Check[] {
  const users = Map.groupBy(sheets, ({ miner }) => `${miner?.program} ${miner?.file}`);
  return [...users.values()].map((users) => {
    const { program = "", file = "" } = users[0]?.miner ?? {};
    return {
      name: `miner ${program} of ${users.map(({ name }) => name).join(", ")}`,
      run: async () => {
        await checkFile(program, file);
        return { level: "ok", found: file };
      },
    };
  });
}

function programChecks(sheet: Sheet, setting: Setting): readonly Check[] {
  const { miner, name } = sheet;
  if (miner === undefined) return [];
  const program = adapterOf(miner);
  const checks: Check[] = [];
  const backups: Check = {
    name: `pools behind ${miner.program} of ${name}`,
    run: () => toBackups(program, sheet, setting),
  };
  if (program.omits !== undefined) checks.push(backups);
  if (program.listensEverywhere) checks.push({ name: `API of ${miner.program} of ${name}`, run: () => OPEN_API });
  return checks;
}

const OPEN_API: CheckResult = {
  level: "warn",
  found: "it answers on every address of this machine, and shows its rates and pool to whoever asks",
  mend: "run the program in a container of its image (mining.image), or close its ports to others with a firewall",
};

/** What a dead agent would leave the program to hash on. */
function toBackups(program: MinerProgram, sheet: Sheet, { rig, env }: Setting): CheckResult {
  const pools = sheet.pools.flatMap(({ endpoint, password, ...pool }) => {
    const target = {
      algorithm: sheet.algorithm,
      ...pool,
      password: password === undefined ? "x" : readSecret(password, env),
    };
    return endpoint.kind === "stratum" ? [{ url: pool.url, ...loginsAt(target, rig) }] : [];
  });
  const [first] = pools;
  if (first === undefined) return { level: "ok", found: "none" };
  const proxy = { ...first.pool, ...(program.hasOneLogin ? {} : { user: `${rig}-0`, password: "x" }) };
  const left = pools.flatMap(({ url, pool }) => {
    const why = program.omits?.(pool, proxy);
    return why === undefined ? [] : [`${url}, because ${why}`];
  });
  const isShared = program.hasOneLogin && first.isShared && sheet.gpus?.length !== 1;
  if (isShared)
    left.push(
      "any pool where the rig has several GPUs, because all of them log in alike and the proxy must know which is which",
    );
  if (left.length === 0) return { level: "ok", found: `told of ${pools.length} after the proxy` };
  return {
    level: "warn",
    found: `when the agent is dead it does not hash for ${left.join("; nor for ")}`,
    mend: isShared
      ? "give the pools a user with {gpu} in it, or take another program"
      : "give the pools a user and password that the program can be told, or take another program",
  };
}

function loginsAt(target: PoolTarget, rig: string): { readonly pool: MinerPool; readonly isShared: boolean } {
  const [pool, other] = [toMinerPool(target, `${rig}-0`), toMinerPool(target, `${rig}-1`)];
  return { pool, isShared: pool.user === other.user };
}
