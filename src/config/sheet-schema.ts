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
  for (const [index, { endpoint }] of pools.entries())
    if (endpoint.kind === "devpool")
      yield { path: ["pools", index, "url"], message: `a pool of ${algorithm}; the one built in knows sha256d only` };
}

const pointer = () => text(/^(\/[^/]*)*$/, 'a JSON pointer such as "/hashrate/total"');

const genericMiner = () =>
  section({
    args: list(text(/^[\x20-\x7e]{1,400}$/, "printable text"), 64).describe(
      "With {algorithm}, {pool} (host:port), {host}, {port}, {user}, {password} and {apiPort} filled in.",
    ),
    path: text(/^\/[\x21-\x7e]{0,200}$/, 'the path of its answer such as "/stats"'),
    hashrate: pointer(),
    hashrateUnit: number(1e-3, 1e15, "hashes per second").default(1).describe("In one unit of its figure."),
    accepted: z.exactOptional(pointer()),
    rejected: z.exactOptional(pointer()),
    uptimeS: z.exactOptional(pointer()),
  });

/** The operator's own programs; left out, the miner built into Rigshift runs, which is for trying out. */
const miner = () =>
  section({
    program: choice(["reference", ...MINER_NAMES, "generic"]).describe("Whose arguments and API it has."),
    file: z.exactOptional(
      text(/^\/[^\0]{1,400}$/, "an absolute path").describe("The program, run as it is; none where image holds it."),
    ),
    algorithm: z.exactOptional(
      text(/^[\w.+/-]{1,64}$/, "the program's own name for the algorithm").describe("Else mining.algorithm as it is."),
    ),
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

/** What a flight sheet may say: as the one that `mining` itself is, and as one of several. */
export function sheetForms(base: string) {
  // Made once for both: a schema takes a millisecond.
  const own = options();
  const at = pools(base);
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
}

/** A flight sheet as the rest of the program reads it. */
export function toSheet({ miner: program, poolFeePct, devFeePct, leaveCostUsd = 0, ...rest }: SheetFields) {
  const run = program && toMiner(program, rest.algorithm);
  const fees = {
    ...(poolFeePct === undefined ? {} : { poolFeePct }),
    ...(devFeePct === undefined ? {} : { devFeePct }),
  };
  return { ...rest, ...(run === undefined ? {} : { miner: run }), fees, leaveCost: toUsdNano(leaveCostUsd) };
}
