import type { Difficulty } from "../../units/work.ts";
import { badField } from "../errors.ts";
import { answerLine, authorizeLine, difficultyLine, refusalLine } from "./bitcoin-v1-lines.ts";
import {
  type Announcement,
  type Dialect,
  EXTRANONCE_SUBSCRIBE,
  type Line,
  type MinerMessage,
  type Offer,
  type PoolMessage,
  type Submit,
  type Terms,
} from "./dialect.ts";
import { type Call, readLine } from "./envelope.ts";
import { parseDifficulty, parseHex, parseList, parseTarget, parseText, toPlain } from "./fields.ts";
import { type Extranonce, parseReconnect } from "./parser.ts";

type Params = readonly unknown[];

/** Hex with or without its 0x. */
export const withoutPrefix = (value: unknown): unknown =>
  typeof value === "string" ? value.replace(/^0x/, "") : value;

/** What sets one dialect of the `mining.*` family apart from the others. */
interface Family {
  /** Of the whole nonce, whose first bytes the pool may fix. */
  readonly nonceBytes: number;
  readonly needsExtranonce: boolean;
  readonly movesExtranonce: boolean;
  /** The job in a `mining.notify`, but for its line. */
  parseJob(params: Params): Extract<PoolMessage, { kind: "job" }>["job"];
  /** How a job is said again, with everything before it thrown away. */
  repeat(params: Params, line: Buffer): Line;
  parseSubmit(call: Call): Submit;
  /** Where it is not `mining.set_difficulty`. */
  sayDifficulty?(difficulty: Difficulty): Line;
  /** The extranonce in the answer to `mining.subscribe`, where it is said there. */
  parseSubscribed(result: unknown): unknown;
}

/** Outlives the read buffer that a line is a part of. */
export const copyOf = (line: Buffer): Buffer => Buffer.from(line);

/** Some pools leave the list out around a single parameter. */
const listOf = (params: unknown): Params => (Array.isArray(params) ? parseList("params", params, 32) : [params]);

/** The first bytes of the nonce that are the pool's, in hex with or without 0x; what is left of it is the miner's. */
function parsePrefix(value: unknown, nonceBytes: number): Extranonce {
  const extranonce1 = parseHex("extranonce", withoutPrefix(value), { min: 0, max: nonceBytes - 1 });
  return { extranonce1, extranonce2Size: nonceBytes - extranonce1.length / 2 };
}

/** A submit whose user is its first parameter; nothing else of it changes. */
export function submitOf({ body, params }: Call, job: unknown): Submit {
  const [worker, ...rest] = parseList("params", params, 16);
  return {
    job: parseText("job id", job, 128),
    worker: parseText("worker", worker, 256),
    line: (user) => JSON.stringify({ ...body, params: [user, ...rest] }),
  };
}

function parseMinerCall(call: Call, family: Family): MinerMessage {
  const { id, method, params } = call;
  switch (method) {
    case "mining.subscribe":
      return { kind: "step", name: "subscribe", id, weight: "required" };
    case "mining.hello":
      return { kind: "step", name: "hello", id, weight: "awaited" };
    case "mining.extranonce.subscribe":
      return { kind: "step", name: EXTRANONCE_SUBSCRIBE, id, weight: "optional" };
    case "mining.authorize": {
      const worker = parseText("worker", listOf(params)[0], 256);
      const login = { worker, line: (user: string, password: string) => authorizeLine(id, { user, password }) };
      return { kind: "step", name: "authorize", id, weight: "required", login };
    }
    case "mining.submit":
      return { kind: "submit", id, submit: family.parseSubmit(call) };
    case "mining.notify":
    case "mining.set_difficulty":
    case "mining.set_target":
      throw badField("method", "one that a miner uses");
    default:
      return { kind: "pass", id };
  }
}

function parsePoolCall({ method, params: given }: Call, family: Family, line: Buffer): PoolMessage {
  const params = listOf(given);
  switch (method) {
    case "mining.notify":
      return { kind: "job", job: { ...family.parseJob(params), line: family.repeat(params, line) } };
    case "mining.set_difficulty":
      return { kind: "difficulty", difficulty: parseDifficulty(params[0]), line: copyOf(line) };
    case "mining.set_target":
      return { kind: "difficulty", difficulty: parseTarget("target", params[0]), line: copyOf(line) };
    case "set_extranonce":
    case "mining.set_extranonce":
      return { kind: "extranonce", extranonce: parsePrefix(params[0], family.nonceBytes), line: copyOf(line) };
    case "client.reconnect":
      return { kind: "reconnect", ...parseReconnect(params) };
    case "client.show_message":
      return { kind: "words", text: toPlain(typeof params[0] === "string" ? params[0].slice(0, 200) : "") };
    default:
      return { kind: "other" };
  }
}

const setExtranonce = ({ extranonce1 }: Extranonce): Line =>
  JSON.stringify({ id: null, method: "mining.set_extranonce", params: [extranonce1] });

function* present({ terms, job, next }: Offer, family: Family): Iterable<Line> {
  yield* said(terms, family);
  if (job.line === undefined) throw badField("job", "one that was announced");
  yield job.line;
  yield* said(next, family);
}

function* said(terms: Partial<Terms>, { sayDifficulty = difficultyLine }: Family): Iterable<Line> {
  const { extranonce, difficulty } = terms;
  if (extranonce) yield terms.extranonceLine ?? setExtranonce(extranonce);
  if (difficulty !== undefined) yield terms.difficultyLine ?? sayDifficulty(difficulty);
}

function parseAnswer(step: string, result: unknown, family: Family): readonly Announcement[] {
  if (step !== "subscribe") return [];
  const prefix = family.parseSubscribed(result);
  return prefix === undefined ? [] : [{ kind: "extranonce", extranonce: parsePrefix(prefix, family.nonceBytes) }];
}

/** A dialect of subscribe, authorize, notify and submit, made of what is its own. */
export const miningDialect = (family: Family): Dialect => ({
  needsExtranonce: family.needsExtranonce,
  movesExtranonce: family.movesExtranonce,
  parseMiner: (line) => readLine(line, (call) => parseMinerCall(call, family)),
  parsePool: (line) => readLine(line, (call) => parsePoolCall(call, family, line)),
  parseAnswer: (step, result) => parseAnswer(step, result, family),
  present: (offer) => [...present(offer, family)],
  granted: (id) => answerLine(id, true),
  refusal: refusalLine,
});

/** A `mining.notify` with these parameters, which hold no number beyond 2^53. */
export const notifyOf = (params: Params): Line => JSON.stringify({ id: null, method: "mining.notify", params });

/** The parameters of a job after which all others are void. */
export const withClean = (params: Params, place: number): Params =>
  params.map((value, index) => (index === place ? true : value));
