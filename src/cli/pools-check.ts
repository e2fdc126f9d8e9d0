import { type FlightSheetConfig, loadConfig } from "../config/load.ts";
import { ALGORITHMS, type AlgorithmName, DIALECTS, type DialectName } from "../config/mining-terms.ts";
import { readSecret } from "../config/secret.ts";
import { poolsBySheet } from "../config/sheet-schema.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/logger.ts";
import { startDevpool } from "../mining/reference/devpool.ts";
import { type PoolTarget, termsOf } from "../mining/stratum/pool-url.ts";
import { type PoolProbe, probePool } from "../mining/stratum/probe.ts";
import { type CliContext, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { renderTable } from "./table.ts";

export interface PoolsCheckOptions {
  readonly config?: string;
  /** Instead of the configuration's pools. */
  readonly url?: string;
  readonly user?: string;
  readonly algorithm?: string;
  readonly dialect?: string;
  readonly json?: true;
}

/** A pool, and its flight sheet where it stands in one. */
interface Named {
  readonly sheet: string | undefined;
  readonly target: PoolTarget;
}
type Checked = PoolProbe & Named;

const TIMES = ["CONNECT", "SUBSCRIBE", "AUTHORIZE", "FIRST JOB", "DIFFICULTY"];
const HEADER = ["SHEET", "POOL", "DIALECT", ...TIMES, "RESULT"];
const RIGHT = new Set(TIMES);
const SPARE = ["SUBSCRIBE", "AUTHORIZE", "DIFFICULTY", "CONNECT", "DIALECT"];

/** Logs in at every pool as the first GPU would and waits for work; throws `ERR_POOLS_CHECK` when one gives none. */
export async function poolsCheck(options: PoolsCheckOptions, context: CliContext): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { worker, targets } = await targetsOf(options, stack);
  const parts = { clock: systemClock, signal: context.signal };
  const pools: Checked[] = await Promise.all(
    targets.map(async (named) => ({ ...named, ...(await probePool(named.target, worker, parts)) })),
  );
  context.signal.throwIfAborted();
  const failed = pools.filter(({ ok }) => !ok).length;
  if (options.json) printJson(context, { ok: failed === 0, pools: pools.map(toView) });
  else context.print(`${toText(pools, context.columns)}${sayAssumed(options, pools)}`);
  if (failed === 0) return;
  throw new UsageError(`${failed} of ${pools.length} pools gave no work`, {
    code: "ERR_POOLS_CHECK",
    mend: "see each pool's result: check its address, user, dialect and certificate",
  });
}

/** What stood in for options that were not given, which decides what the pool answers. */
function sayAssumed({ url, user, algorithm }: PoolsCheckOptions, [pool]: readonly Checked[]): string {
  if (url === undefined || pool === undefined) return "";
  const assumed = [
    ...(user === undefined ? [`--user ${pool.target.user}`] : []),
    ...(algorithm === undefined ? [`--algorithm ${termsOf(pool.target).algorithm}`] : []),
  ];
  return assumed.length === 0 ? "" : `assumed, because it was not given: ${assumed.join(", ")}\n`;
}

async function targetsOf(options: PoolsCheckOptions, stack: AsyncDisposableStack) {
  if (options.url !== undefined) {
    return { worker: "rig-0", targets: [{ sheet: undefined, target: toTarget(options, options.url) }] };
  }
  const { rig, mining } = loadConfig(options.config);
  const targets: Named[] = [];
  const mined = poolsBySheet<Pick<FlightSheetConfig, "algorithm" | "pools">>(mining?.sheets ?? []);
  for (const { sheet, algorithm, pools } of mined)
    for (const { endpoint, password, ...pool } of pools) {
      const secret = endpoint.kind === "devpool" || password === undefined ? "x" : readSecret(password);
      const url = endpoint.kind === "devpool" ? await openDevpool(stack) : pool.url;
      targets.push({ sheet, target: { algorithm, ...pool, url, password: secret } });
    }
  return { worker: `${rig.name}-0`, targets };
}

/** The pool built into the agent, for as long as this command runs. */
async function openDevpool(stack: AsyncDisposableStack): Promise<string> {
  const parts = { host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger };
  const pool = stack.adopt(await startDevpool(parts), (opened) => opened.close());
  return `stratum+tcp://${pool.host}:${pool.port}`;
}

function toTarget({ user, algorithm, dialect }: PoolsCheckOptions, url: string): PoolTarget {
  return {
    url,
    user: user ?? "rigshift",
    password: "x",
    ...(algorithm !== undefined && { algorithm: oneOf<AlgorithmName>("--algorithm", algorithm, ALGORITHMS) }),
    ...(dialect !== undefined && { dialect: oneOf<DialectName>("--dialect", dialect, DIALECTS) }),
  };
}

function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  const mend = `give one of ${names.join(", ")}`;
  throw new UsageError(`${option}: got ${JSON.stringify(text)}`, { code: "ERR_USAGE", mend });
}

function toView({ sheet, target, ...probe }: Checked) {
  return {
    sheet: sheet ?? null,
    url: target.url,
    ...termsOf(target),
    ok: probe.ok,
    connectMs: probe.connectMs ?? null,
    subscribeMs: probe.subscribeMs ?? null,
    authorizeMs: probe.authorizeMs ?? null,
    firstJobMs: probe.firstJobMs ?? null,
    difficulty: probe.difficulty ?? null,
    tlsPin: probe.tlsPin ?? null,
    reason: probe.reason ?? null,
  };
}

const inMs = (value: number | undefined): string => (value === undefined ? "–" : `${value} ms`);

function toText(pools: readonly Checked[], columns: number | undefined): string {
  if (pools.length === 0) return "no pool is configured\n";
  const rows = pools.map(({ sheet, target, ...probe }) => [
    sheet ?? "–",
    target.url,
    termsOf(target).dialect,
    ...[probe.connectMs, probe.subscribeMs, probe.authorizeMs, probe.firstJobMs].map(inMs),
    probe.difficulty === undefined ? "–" : String(probe.difficulty),
    probe.reason ?? "ok",
  ]);
  const pins = pools.flatMap(({ target, tlsPin }) =>
    tlsPin === undefined ? [] : [`${target.url} tlsPin: ${tlsPin}\n`],
  );
  return `${renderTable(HEADER, rows, { right: RIGHT, spare: SPARE, below: "RESULT", columns })}\n${pins.join("")}`;
}
