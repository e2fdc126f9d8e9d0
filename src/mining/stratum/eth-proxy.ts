import { badField } from "../errors.ts";
import type { Announcement, Dialect, Login, MinerMessage } from "./dialect.ts";
import { type Call, readLine } from "./envelope.ts";
import { parseHex, parseList, parseTarget, parseText, type StratumId } from "./fields.ts";
import { withoutPrefix } from "./mining-calls.ts";

/** Miners use one id for hashrates and shares alike: reports go out under an id that no share has. */
const REPORT_ID = 999_999_999;

const answer = (id: StratumId, result: unknown): string => JSON.stringify({ id, jsonrpc: "2.0", result });

function parseLogin({ id, body, params }: Call): MinerMessage {
  const [wallet, password] = parseList("params", params, 8);
  const worker = parseText("worker", wallet, 256);
  const rig = body.worker === undefined ? undefined : parseText("worker", body.worker, 128);
  const login: Login = {
    worker,
    isSole: true,
    ...(rig !== undefined && rig !== "" && { fullName: `${worker}.${rig}` }),
    line: (user, secret) => {
      // The pool's own worker name stands in the user, after the wallet.
      const dot = user.indexOf(".");
      const [wallet, name] = dot < 0 ? [user, undefined] : [user.slice(0, dot), user.slice(dot + 1)];
      const named = rig === undefined || name === undefined ? [user] : [wallet];
      const known = rig === undefined || name === undefined ? {} : { worker: name };
      return JSON.stringify({ ...body, ...known, params: [...named, ...(password === undefined ? [] : [secret])] });
    },
  };
  return { kind: "step", name: "login", id, weight: "required", login };
}

function parseSubmit({ id, body, params }: Call): MinerMessage {
  const [nonce, header, mix] = parseList("params", params, 8);
  parseHex("nonce", withoutPrefix(nonce), { min: 8, max: 8 });
  parseHex("mix", withoutPrefix(mix), { min: 32, max: 32 });
  const job = parseHex("header", withoutPrefix(header), { min: 32, max: 32 }).toLowerCase();
  return { kind: "submit", id, submit: { job, line: (user) => JSON.stringify(withWorker(body, user)) } };
}

/** The line with the worker that the pool knows, where the miner names one at all. */
function withWorker(body: Call["body"], user: string): Call["body"] {
  if (body.worker === undefined) return body;
  return { ...body, worker: user.includes(".") ? user.slice(user.indexOf(".") + 1) : user };
}

function report(id: StratumId, body: Call["body"]): MinerMessage {
  const line = JSON.stringify({ ...body, id: REPORT_ID });
  return { kind: "aside", line, lineId: REPORT_ID, answer: answer(id, true) };
}

function parseMinerCall(call: Call): MinerMessage {
  const { id, method, body } = call;
  switch (method) {
    case "eth_submitLogin":
    case "eth_login":
      return parseLogin(call);
    case "eth_getWork":
      return { kind: "step", name: "work", id, weight: "awaited" };
    case "eth_submitWork":
      return parseSubmit(call);
    case "eth_submitHashrate":
      return report(id, body);
    default:
      return { kind: "pass", id };
  }
}

/** Header hash, seed hash and target, which is a job; undefined for anything that does not look like one. */
function parseWork(result: unknown): Announcement | undefined {
  if (!Array.isArray(result) || result.length < 3) return undefined;
  const work = parseList("work", result, 16);
  const [header, seed, target] = work;
  parseHex("seed hash", withoutPrefix(seed), { min: 32, max: 32 });
  const id = parseHex("header hash", withoutPrefix(header), { min: 32, max: 32 }).toLowerCase();
  return { kind: "job", job: { id, difficulty: parseTarget("target", target), line: answer(0, work) } };
}

/** EthProxy: polled and pushed work, a share named by its header hash, no extranonce. */
export const ethProxy: Dialect = {
  needsExtranonce: false,
  movesExtranonce: true,
  parseMiner: (line) => readLine(line, parseMinerCall),
  parsePool: (line) => readLine(line, () => ({ kind: "other" as const })),
  parseAnswer: (step, result) => {
    if (step !== "work") return [];
    const work = parseWork(result);
    if (!work) throw badField("work", "header hash, seed hash and target");
    return [work];
  },
  parseUnasked: parseWork,
  present: ({ job }) => (job.line === undefined ? [] : [job.line]),
  granted: (id) => answer(id, true),
  refusal: (id, code, message) => JSON.stringify({ id, jsonrpc: "2.0", result: false, error: { code, message } }),
};
