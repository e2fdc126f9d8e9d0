import { z } from "zod";
import { toUsdNano } from "../units/money.ts";
import { seconds } from "../units/time.ts";
import {
  choice,
  list,
  number,
  type PoolEndpoint,
  pinnedImage,
  poolUrl,
  secret,
  section,
  text,
  whole,
} from "./fields.ts";
import {
  ALGORITHMS,
  type AlgorithmName,
  DIALECTS,
  DIALECTS_OF,
  type DialectName,
  DUAL_MINERS,
  MINER_NAMES,
  type MinerName,
} from "./mining-terms.ts";

const pool = (base: string) =>
  section({
    url: poolUrl(),
    user: text(/^[\x21-\x7e]{1,256}$/, "a user name without spaces")
      .default("rigshift")
      .describe('Such as "<wallet>.{rig}-{gpu}"; {rig} and {gpu} are filled in per GPU, also in the password.'),
    password: z.exactOptional(secret(base)),
    algorithm: z.exactOptional(choice(ALGORITHMS)).describe("Of this pool, where it should be checked."),
    dialect: z.exactOptional(choice(DIALECTS)).describe("How the pool talks, where its algorithm has several ways."),
    reconnectHosts: z
      .exactOptional(list(text(/^[A-Za-z0-9.:_-]{1,253}$/, 'a host such as "eu.pool.example.org"'), 16))
      .describe("Where the pool may send its miners besides its own host (client.reconnect)."),
    tlsPin: z
      .exactOptional(text(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits"))
      .describe("SHA-256 of the public key in the pool's certificate; then nothing else of it counts."),
  })
    .refine(({ url, tlsPin }) => tlsPin === undefined || !/^(devpool$|stratum\+tcp:)/.test(url.url), {
      path: ["tlsPin"],
      error: "no tlsPin, because the pool's url is not stratum+ssl://",
    })
    .transform(({ url, ...rest }) => ({ ...url, ...rest }));

interface PoolTerms {
  readonly algorithm?: AlgorithmName;
  readonly dialect?: DialectName;
}

/** Pools that could not take over from the first: work for one algorithm is worth nothing at a pool of another. */
function* misfits(algorithm: AlgorithmName, pools: readonly PoolTerms[]) {
  const known = DIALECTS_OF[algorithm];
  const [usual] = known;
  const first = pools[0]?.dialect ?? usual;
  for (const [index, { algorithm: other = algorithm, dialect = usual }] of pools.entries()) {
    const at = (key: string) => ["pools", index, key];
    if (other !== algorithm) yield { path: at("algorithm"), message: `${algorithm}, which the miner hashes` };
    else if (!known.includes(dialect)) yield { path: at("dialect"), message: `one of ${known.join(", ")}` };
    else if (dialect !== first) yield { path: at("dialect"), message: `${first}, which the first pool talks` };
  }
}

/** What a flight sheet says, as far as it can contradict itself. */
interface Hashing {
  readonly algorithm: AlgorithmName;
  readonly pools: readonly { readonly endpoint: PoolEndpoint }[];
  readonly program: { readonly program: string; readonly file?: string } | undefined;
  readonly image: string | undefined;
}

/** What no miner or pool of the configuration can do: Rigshift's own know sha256d only. */
function* unminable({ algorithm, pools, program, image }: Hashing) {
  const isOurs = program === undefined || program.program === "reference";
  if (!isOurs && (program.file === undefined) === (image === undefined))
    yield {
      path: ["miner", "file"],
      message: "either the absolute path of the program, or an image of it in mining.image",
    };
  if (algorithm === "sha256d") return;
  if (isOurs) yield { path: ["miner"], message: `a program that hashes ${algorithm}` };
  yield* undigged(algorithm, pools);
}

/** The pool built into the agent has work for one algorithm only. */
function* undigged(algorithm: AlgorithmName, pools: Hashing["pools"]) {
  if (algorithm === "sha256d") return;
  for (const [index, { endpoint }] of pools.entries())
    if (endpoint.kind === "devpool")
      yield { path: ["pools", index, "url"], message: `a pool of ${algorithm}; the one built in knows sha256d only` };
}

/** Whether an argument of a program of the operator's leads to the second coin's pool. */
const NAMES_SECOND_POOL = /\{(?:pool2|host2)\}/;

/** What no miner can do with a second coin. */
function* unpairable({ coin, miner: run, dual }: SheetFields) {
  if (dual === undefined) return;
  const program = run?.program ?? "reference";
  if (!DUAL_MINERS.some((one) => one === program))
    yield {
      path: ["dual"],
      message: `nothing, because the miner ${program} hashes one coin at a time; two can ${DUAL_MINERS.join(", ")}`,
    };
  if (dual.coin === coin) yield { path: ["dual", "coin"], message: `another coin than ${coin}` };
  if (program === "generic" && run?.generic?.args.some((part) => NAMES_SECOND_POOL.test(part)) === false)
    yield { path: ["miner", "generic", "args"], message: "an argument with {pool2} or {host2}, because of dual" };
  for (const { path, message } of misfits(dual.algorithm, dual.pools)) yield { path: ["dual", ...path], message };
  for (const { path, message } of undigged(dual.algorithm, dual.pools)) yield { path: ["dual", ...path], message };
}

const pointer = () => text(/^(\/[^/]*)*$/, 'a JSON pointer such as "/hashrate/total"');

const genericMiner = () =>
  section({
    args: list(text(/^[\x20-\x7e]{1,400}$/, "printable text"), 64).describe(
      "With {algorithm}, {pool} (host:port), {host}, {port}, {user}, {password}, the same with a 2 for the coin of dual, and {apiPort} filled in.",
    ),
    path: text(/^\/[\x21-\x7e]{0,200}$/, 'the path of its answer such as "/stats"'),
    hashrate: pointer(),
    hashrateUnit: number(1e-3, 1e15, "hashes per second").default(1).describe("In one unit of its figure."),
    hashrate2: z.exactOptional(pointer()).describe("Of the coin of dual."),
    hashrate2Unit: z.exactOptional(number(1e-3, 1e15, "hashes per second")).describe("In one unit of that figure."),
    accepted: z.exactOptional(pointer()),
    rejected: z.exactOptional(pointer()),
    uptimeS: z.exactOptional(pointer()),
  });

const programAlgorithm = () => text(/^[\w.+/-]{1,64}$/, "the program's own name for the algorithm");

/** The operator's own programs; left out, the miner built into Rigshift runs, which is for trying out. */
const miner = () =>
  section({
    program: choice(["reference", ...MINER_NAMES, "generic"]).describe("Whose arguments and API it has."),
    file: z.exactOptional(
      text(/^\/[^\0]{1,400}$/, "an absolute path").describe("The program, run as it is; none where image holds it."),
    ),
    algorithm: z.exactOptional(programAlgorithm().describe("Else mining.algorithm as it is.")),
    args: list(text(/^[\x20-\x7e]{1,400}$/, "printable text"), 64)
      .default([])
      .describe("Added after Rigshift's own, so that they win."),
    startTimeoutS: number(1, 600, "seconds").default(60).describe("Until its API answers."),
    generic: z.exactOptional(genericMiner()).describe("For program: generic."),
  }).superRefine(({ program, file, generic }, { addIssue }) => {
    const wanted = (key: string, message: string) =>
      addIssue({ code: "custom", path: [key], message, input: undefined });
    if (program === "reference" && file !== undefined) wanted("file", "no file, because the program is Rigshift's own");
    if (program === "generic" && generic === undefined) wanted("generic", "its arguments and where its API says what");
    if (program !== "generic" && generic !== undefined) wanted("generic", "nothing, because the program is known");
  });

interface MinerFields {
  readonly program: "reference" | "generic" | MinerName;
  readonly file?: string;
  readonly algorithm?: string;
  readonly args: readonly string[];
  readonly startTimeoutS: number;
  readonly generic?: z.output<ReturnType<typeof genericMiner>>;
}

/** Absent for Rigshift's own. */
function toMiner({ startTimeoutS, program, generic, ...rest }: MinerFields, usual: AlgorithmName) {
  if (program === "reference") return undefined;
  const terms = { algorithm: usual as string, ...rest, startTimeout: seconds(startTimeoutS) };
  if (program !== "generic") return { ...terms, program };
  return generic && { ...terms, program, generic };
}

export const coinName = () => text(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a coin such as "ravencoin"');

/** What every flight sheet may say beside its coin, algorithm and pools. */
const options = () => ({
  miner: z.exactOptional(miner()),
  threads: z.exactOptional(whole(1, 1024, "threads")),
  image: z.exactOptional(pinnedImage().describe("Runs the miner in a container of this image.")),
  poolFeePct: z.exactOptional(number(0, 50, "percent")).describe("Of these pools, instead of market.terms."),
  devFeePct: z.exactOptional(number(0, 50, "percent")).describe("Of this miner, instead of market.terms."),
  leaveCostUsd: z
    .exactOptional(number(0, 1000, "USD"))
    .describe("What leaving these pools for other work loses, such as loyalty that has to be earned anew."),
  gpus: z
    .exactOptional(list(text(/^(GPU|MIG|CPU|SIM)-[\w-]{1,64}$/, "a GPU's UUID as `rigshift gpus` shows it"), 64))
    .describe("Only these; all when absent."),
});

const pools = (base: string) => list(pool(base), 8).describe("The first is used; the others take over when it fails.");

const feePct = () => z.exactOptional(number(0, 50, "percent"));

/** A second coin that the same program hashes at the same time. */
const dual = (at: ReturnType<typeof pools>) =>
  section({
    coin: coinName(),
    algorithm: choice(ALGORITHMS),
    pools: at.min(1, { error: "at least one pool" }),
    poolFeePct: feePct().describe("Of these pools, instead of market.terms."),
    devFeePct: feePct().describe("Of the miner for this coin, instead of market.terms."),
    programAlgorithm: z
      .exactOptional(programAlgorithm())
      .describe("Such as ALEPHDUAL of lolMiner; else the algorithm as it is."),
  }).describe(`A second coin that the miner hashes at the same time: by ${DUAL_MINERS.join(", ")}.`);

/** What a flight sheet may say: as the one that `mining` itself is, and as one of several. */
export function sheetForms(base: string) {
  // Made once for both: a schema takes a millisecond.
  const at = pools(base);
  const own = { ...options(), dual: z.exactOptional(dual(at)) };
  const plain = {
    coin: z.exactOptional(coinName()).describe("Of the market; devcoin when absent."),
    algorithm: z.exactOptional(choice(ALGORITHMS)).describe("sha256d when absent."),
    pools: z.exactOptional(at),
    ...own,
  };
  const sheet = section({
    name: text(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name of its own such as "ravencoin-2miners"').refine(
      (name) => name !== "rest",
      { error: "another name, because rest is what doing nothing is called" },
    ),
    coin: coinName(),
    algorithm: choice(ALGORITHMS),
    pools: at.min(1, { error: "at least one pool" }),
    ...own,
  });
  return { plain, sheet };
}

export type SheetFields = z.output<ReturnType<typeof sheetForms>["sheet"]>;

/** What is wrong with a flight sheet as a whole, at paths within it. */
export function* faultsOf(sheet: SheetFields) {
  yield* misfits(sheet.algorithm, sheet.pools);
  const { algorithm, pools: at, miner: program, image } = sheet;
  yield* unminable({ algorithm, pools: at, program, image });
  yield* unpairable(sheet);
}

/** A flight sheet as the rest of the program reads it. */
export function toSheet({
  miner: program,
  dual: second,
  poolFeePct,
  devFeePct,
  leaveCostUsd = 0,
  ...rest
}: SheetFields) {
  const run = program && toMiner(program, rest.algorithm);
  return {
    ...rest,
    ...(run === undefined ? {} : { miner: run }),
    ...(second === undefined ? {} : { dual: toDual(second) }),
    fees: toFees({ poolFeePct, devFeePct }),
    leaveCost: toUsdNano(leaveCostUsd),
  };
}

type DualFields = NonNullable<SheetFields["dual"]>;

const toDual = ({ poolFeePct, devFeePct, programAlgorithm: named, ...rest }: DualFields) => ({
  ...rest,
  programAlgorithm: named ?? (rest.algorithm as string),
  fees: toFees({ poolFeePct, devFeePct }),
});

interface Fees {
  readonly poolFeePct: number | undefined;
  readonly devFeePct: number | undefined;
}

const toFees = ({ poolFeePct, devFeePct }: Fees) => ({
  ...(poolFeePct === undefined ? {} : { poolFeePct }),
  ...(devFeePct === undefined ? {} : { devFeePct }),
});

/** The pools of each coin under the name of its flight sheet, such as `beta`, that of a second coin under `beta+bcoin`. */
export const poolsBySheet = <Mined extends object>(
  sheets: readonly (Mined & {
    readonly name: string;
    readonly dual?: (Mined & { readonly coin: string }) | undefined;
  })[],
): readonly (Mined & { readonly sheet: string })[] =>
  sheets.flatMap((of) => [
    { ...of, sheet: of.name },
    ...(of.dual === undefined ? [] : [{ ...of.dual, sheet: `${of.name}+${of.dual.coin}` }]),
  ]);

/** The flight sheets' coins, second ones included, each with what it is mined by. */
export const minedBy = <Coin extends object>(
  sheets: readonly (Coin & { readonly dual?: Coin | undefined })[],
): readonly Coin[] => sheets.flatMap((sheet) => (sheet.dual === undefined ? [sheet] : [sheet, sheet.dual]));
