import type { Difficulty } from "../../units/work.ts";
import type { NotifyFields, SubmitFields } from "../reference/header.ts";
import { type Malformed, type Response, readLine } from "./envelope.ts";
import {
  isRecord,
  parseDifficulty,
  parseHex,
  parseList,
  parseText,
  parseWhole,
  parseWord,
  type StratumId,
} from "./fields.ts";

export interface Extranonce {
  /** Hex; up to 16 bytes. */
  readonly extranonce1: string;
  readonly extranonce2Size: number;
}

/** One line of Bitcoin's Stratum V1, from either side, with every field checked. */
export type StratumMessage =
  | { readonly kind: "subscribe"; readonly id: StratumId }
  | { readonly kind: "authorize"; readonly id: StratumId; readonly worker: string; readonly password: string }
  | { readonly kind: "submit"; readonly id: StratumId; readonly worker: string; readonly submit: SubmitFields }
  | {
      readonly kind: "configure";
      readonly id: StratumId;
      readonly extensions: readonly string[];
      readonly mask?: number;
    }
  | { readonly kind: "extranonce-subscribe"; readonly id: StratumId }
  | { readonly kind: "suggest-difficulty"; readonly id: StratumId; readonly difficulty: Difficulty }
  | { readonly kind: "notify"; readonly job: NotifyFields }
  | { readonly kind: "set-difficulty"; readonly difficulty: Difficulty }
  | { readonly kind: "set-extranonce"; readonly extranonce: Extranonce }
  | { readonly kind: "set-version-mask"; readonly mask: number }
  | { readonly kind: "reconnect"; readonly host?: string; readonly port?: number; readonly waitS: number }
  | { readonly kind: "show-message"; readonly text: string }
  | { readonly kind: "other"; readonly id: StratumId; readonly method: string }
  | Response
  | Malformed;

type Params = readonly unknown[];

const METHODS: Readonly<Record<string, (id: StratumId, params: Params) => StratumMessage>> = {
  "mining.subscribe": (id) => ({ kind: "subscribe", id }),
  "mining.authorize": (id, [worker, password]) => ({
    kind: "authorize",
    id,
    worker: parseText("worker", worker, 256),
    password: parseText("password", password ?? "", 256),
  }),
  "mining.submit": (id, params) => ({ kind: "submit", id, ...parseSubmit(params) }),
  "mining.configure": (id, params) => ({ kind: "configure", id, ...parseConfigure(params) }),
  "mining.extranonce.subscribe": (id) => ({ kind: "extranonce-subscribe", id }),
  "mining.suggest_difficulty": (id, [value]) => ({
    kind: "suggest-difficulty",
    id,
    difficulty: parseDifficulty(value),
  }),
  "mining.notify": (_, params) => ({ kind: "notify", job: parseNotify(params) }),
  "mining.set_difficulty": (_, [value]) => ({ kind: "set-difficulty", difficulty: parseDifficulty(value) }),
  "mining.set_extranonce": (_, params) => ({ kind: "set-extranonce", extranonce: parseExtranonce(params) }),
  "mining.set_version_mask": (_, [mask]) => ({ kind: "set-version-mask", mask: parseMask(mask) }),
  "client.show_message": (_, [text]) => ({
    kind: "show-message",
    text: typeof text === "string" ? text.slice(0, 200) : "",
  }),
  "client.reconnect": (_, params) => ({ kind: "reconnect", ...parseReconnect(params) }),
};
const METHOD_PARSERS = new Map(Object.entries(METHODS));

/** Reads one line that nobody vouches for. Never throws: what is wrong with a line is its `reason`. */
export const parseLine = (line: Buffer | string): StratumMessage =>
  readLine(line, ({ id, method, params }): StratumMessage => {
    const parse = METHOD_PARSERS.get(method);
    return parse ? parse(id, parseList("params", params, 32)) : { kind: "other", id, method };
  });

function parseNotify(params: Params): NotifyFields {
  const [id, prevHash, coinb1, coinb2, branches, version, nbits, ntime] = params;
  return {
    id: parseText("job id", id, 64),
    prevHash: parseHex("prevhash", prevHash, { min: 32, max: 32 }),
    coinb1: parseHex("coinb1", coinb1, { min: 0, max: 4096 }),
    coinb2: parseHex("coinb2", coinb2, { min: 0, max: 4096 }),
    branches: parseList("merkle branches", branches, 32).map((branch) =>
      parseHex("merkle branch", branch, { min: 32, max: 32 }),
    ),
    version: parseWord("version", version),
    nbits: parseWord("nbits", nbits),
    ntime: parseWord("ntime", ntime),
    // Some pools put a field more before it.
    cleanJobs: params.slice(8).some((value) => value === true || value === 1),
  };
}

function parseSubmit(params: Params): { readonly worker: string; readonly submit: SubmitFields } {
  const [worker, job, extranonce2, ntime, nonce, versionBits] = params;
  return {
    worker: parseText("worker", worker, 256),
    submit: {
      job: parseText("job id", job, 64),
      extranonce2: parseHex("extranonce2", extranonce2, { min: 0, max: 16 }),
      ntime: parseWord("ntime", ntime),
      nonce: parseWord("nonce", nonce),
      ...(versionBits !== undefined && { versionBits: parseWord("version bits", versionBits) }),
    },
  };
}

function parseConfigure([names, options]: Params): { readonly extensions: readonly string[]; readonly mask?: number } {
  const extensions = parseList("extensions", names, 16).map((name) => parseText("extension", name, 64));
  const mask = isRecord(options) ? options["version-rolling.mask"] : undefined;
  return { extensions, ...(mask !== undefined && { mask: parseMask(mask) }) };
}

const parseMask = (value: unknown): number => Number.parseInt(parseWord("version mask", value), 16);

function parseExtranonce([extranonce1, size]: Params): Extranonce {
  return {
    extranonce1: parseHex("extranonce1", extranonce1, { min: 0, max: 16 }),
    extranonce2Size: parseWhole("extranonce2 size", size, { min: 1, max: 16 }),
  };
}

export function parseReconnect([host, port, wait]: Params): { host?: string; port?: number; waitS: number } {
  const number = (value: unknown) => (typeof value === "string" && /^\d{1,6}$/.test(value) ? Number(value) : value);
  return {
    ...(host !== undefined && host !== null && host !== "" && { host: parseText("reconnect host", host, 253) }),
    ...(port !== undefined &&
      port !== null && { port: parseWhole("reconnect port", number(port), { min: 1, max: 65535 }) }),
    waitS: parseWhole("reconnect wait", number(wait ?? 0), { min: 0, max: 86_400 }),
  };
}

/** The extranonce in the answer to `mining.subscribe`; throws `ERR_STRATUM_FIELD`. */
export const parseSubscribed = (result: unknown): Extranonce =>
  parseExtranonce(parseList("subscribe result", result, 8).slice(1));

/** The version mask in the answer to `mining.configure`; 0 where rolling was not granted. Throws `ERR_STRATUM_FIELD`. */
export function parseConfigured(result: unknown): number {
  if (!isRecord(result) || result["version-rolling"] !== true) return 0;
  return parseMask(result["version-rolling.mask"]);
}
