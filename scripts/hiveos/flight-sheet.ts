import { globSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { isLoopback } from "../../src/config/fields.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { AlgorithmName } from "../../src/config/mining-terms.ts";
import { type Facts, messageOf, RigError, toOneLine } from "../../src/lib/errors.ts";

type Mapping = Readonly<Record<string, unknown>>;

/** Names that Hive OS and miners use for an algorithm beside ours. */
const ALIASES: Readonly<Record<string, AlgorithmName>> = {
  sha256: "sha256d",
  "blake3-alephium": "alephium",
  "blake3-alph": "alephium",
  "rx/0": "randomx",
};

const PASSWORD_FILE = "pool.password";

const fault = (what: string, mend: string): RigError<Facts> =>
  new RigError<Facts>(`flight sheet: ${what}`, { code: "ERR_FLIGHT_SHEET", mend });

const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `over` wins; mappings are merged, everything else is replaced whole. */
function merge(base: Mapping, over: Mapping): Mapping {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    merged[key] = isMapping(before) && isMapping(value) ? merge(before, value) : value;
  }
  return merged;
}

/** Pools come one a line or with commas between them, and often without a scheme. */
const toPoolUrls = (text: string): readonly string[] =>
  text
    .split(/[\s,;]+/)
    .filter((url) => url !== "")
    .map((url) => {
      if (url === "devpool" || url.startsWith("stratum+")) return url;
      if (/^(ssl|tls):\/\//.test(url)) return url.replace(/^\w+/, "stratum+ssl");
      return url.includes("://") ? url.replace(/^(stratum|tcp):/, "stratum+tcp:") : `stratum+tcp://${url}`;
    });

function toUser(template: string): string {
  const user = template.trim();
  if (user === "" || /%\w+%/.test(user)) {
    const what = user === "" ? "it names no wallet" : `${user} was not filled in`;
    throw fault(what, "give it a wallet, and a wallet and worker template such as %WAL%.%WORKER_NAME%");
  }
  return user;
}

function parseExtra(text: string): Mapping {
  const wanted = "write it as in rig.example.yaml, or leave it empty";
  let value: unknown;
  try {
    const document = parseDocument(text, { logLevel: "error" });
    const [wrong] = document.errors;
    // The lines after the first repeat the source, which may hold a secret by mistake.
    if (wrong) throw new Error(wrong.message.split("\n", 1)[0]?.replace(/:$/, ""));
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw fault(`the extra config is not valid YAML: ${messageOf(error)}`, wanted);
  }
  if (!isMapping(value)) throw fault("the extra config is no YAML mapping such as `mode: auto`", wanted);
  if (value.dataDir !== undefined) throw fault("dataDir is fixed on Hive OS", "leave dataDir out of the extra config");
  return value;
}

/** Hive OS keeps the versions of a miner side by side and brings new ones: `*` in its path takes the newest. */
function findMiner(mining: Mapping): Mapping {
  const miner = isMapping(mining.miner) ? mining.miner : {};
  const { file } = miner;
  if (typeof file !== "string" || !file.includes("*")) return mining;
  const [newest] = globSync(file).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  if (newest !== undefined) return { ...mining, miner: { ...miner, file: newest } };
  throw fault(
    `there is no ${file}`,
    "run the miner once from Hive OS so that it is installed, or correct the miner's file",
  );
}

type Sheet = Readonly<Record<string, string | undefined>>;

/** What the flight sheet orders: to mine, because that is what it is for; the extra config may say otherwise. */
function toRigYaml(sheet: Sheet): Mapping {
  const { CUSTOM_URL = "", CUSTOM_TEMPLATE = "", CUSTOM_PASS = "", CUSTOM_ALGO = "", WORKER_NAME = "" } = sheet;
  const urls = toPoolUrls(CUSTOM_URL);
  const password = CUSTOM_PASS === "" ? {} : { password: { file: PASSWORD_FILE } };
  const name = WORKER_NAME.replace(/[^\w.-]+/g, "-").slice(0, 64);
  const algorithm = CUSTOM_ALGO.trim().toLowerCase();
  const mining = {
    ...(algorithm === "" ? {} : { algorithm: ALIASES[algorithm] ?? algorithm }),
    pools: urls.map((url) => ({ url, user: toUser(CUSTOM_TEMPLATE), ...password })),
  };
  const extra = parseExtra(sheet.CUSTOM_USER_CONFIG ?? "");
  const own = { version: 1, mode: "mine", ...(name === "" ? {} : { rig: { name } }) };
  return { ...merge(own, extra), mining: toMining(mining, isMapping(extra.mining) ? extra.mining : {}) };
}

/** Where the extra config lists sheets of its own, Hive's is what those mine by that name no pool. */
function toMining(hive: Mapping & { readonly pools: readonly unknown[] }, extra: Mapping): Mapping {
  if (!Array.isArray(extra.sheets)) return findMiner(merge(hive, extra));
  const sheets = extra.sheets.map((one: unknown) => {
    if (!isMapping(one)) return one;
    return findMiner(one.pools === undefined && hive.pools.length > 0 ? { ...hive, ...one } : one);
  });
  return { ...extra, sheets };
}

/** Whole or not at all, and for nobody else to read. */
function writePrivately(file: string, content: string): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { mode: 0o600, flag: "wx" });
  renameSync(draft, file);
}

const HEADER = "# Written by h-config.sh from the flight sheet at every start: change that, not this.\n";

function write(sheet: Sheet, file: string): string {
  const folder = dirname(file);
  const value = toRigYaml(sheet);
  const config = parseConfig(value, "flight sheet", folder);
  if (!isLoopback(config.http.listen.host) || config.http.tls !== undefined) {
    throw fault("http.listen leaves this machine, where Hive OS asks for statistics", "listen on 127.0.0.1");
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (sheet.CUSTOM_PASS) writePrivately(join(folder, PASSWORD_FILE), sheet.CUSTOM_PASS);
  writePrivately(file, HEADER + stringify(value));
  const pools = config.mining?.sheets.flatMap((one) => one.pools.map(({ url }) => url)).join(", ");
  return `rigshift: wrote ${file} (mode ${config.mode}, ${pools ? `pools ${pools}` : "no mining"})`;
}

const [file] = process.argv.slice(2);
try {
  if (file === undefined) throw fault("no file to write", "call h-config.sh");
  process.stdout.write(`${write(process.env, file)}\n`);
} catch (error) {
  process.stderr.write(`rigshift: ${toOneLine(error)}\n`);
  process.exitCode = 2;
}
