import type { Difficulty } from "../../units/work.ts";
import { badField } from "../errors.ts";
import type { Announcement, Dialect, Login, MinerMessage, PoolMessage } from "./dialect.ts";
import { type Call, readLine } from "./envelope.ts";
import { isRecord, parseDifficulty, parseHex, parseText } from "./fields.ts";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(params: unknown): Fields {
  if (isRecord(params)) return params;
  throw badField("params", "an object");
}

/** Expected hashes of a little-endian target of four or eight bytes. */
function parseShortTarget(value: unknown): Difficulty {
  const target = parseHex("target", value, { min: 1, max: 8 });
  const bytes = Buffer.from(target, "hex").reverse();
  const limit = BigInt(`0x${bytes.toString("hex")}`);
  if (limit === 0n) throw badField("target", "above zero");
  return parseDifficulty(Number((1n << BigInt(bytes.length * 8)) / limit));
}

function parseJob(params: unknown): Announcement {
  const fields = fieldsOf(params);
  parseHex("blob", fields.blob, { min: 1, max: 4096 });
  const job = { id: parseText("job id", fields.job_id, 128), difficulty: parseShortTarget(fields.target) };
  const line = JSON.stringify({ jsonrpc: "2.0", method: "job", params: fields });
  return { kind: "job", job: { ...job, line } };
}

function parseLogin({ id, body, params }: Call): MinerMessage {
  const fields = fieldsOf(params);
  const worker = parseText("login", fields.login, 256);
  const rig = fields.rigid === undefined || fields.rigid === null ? "" : parseText("rigid", fields.rigid, 128);
  const login: Login = {
    worker,
    isSole: true,
    ...(rig !== "" && { fullName: `${worker}.${rig}` }),
    line: (user, pass) => JSON.stringify({ ...body, params: { ...fields, login: user, pass } }),
  };
  return { kind: "step", name: "login", id, weight: "required", login };
}

const withSession = (body: Fields, fields: Fields, session: string | undefined): string =>
  JSON.stringify({ ...body, params: { ...fields, ...(session !== undefined && { id: session }) } });

function parseMinerCall(call: Call): MinerMessage {
  const { id, method, body } = call;
  switch (method) {
    case "login":
      return parseLogin(call);
    case "submit": {
      const fields = fieldsOf(call.params);
      parseHex("nonce", fields.nonce, { min: 1, max: 8 });
      parseHex("result", fields.result, { min: 32, max: 32 });
      const job = parseText("job id", fields.job_id, 128);
      return { kind: "submit", id, submit: { job, line: (_, session) => withSession(body, fields, session) } };
    }
    case "keepalived": {
      const fields = fieldsOf(call.params);
      return { kind: "pass", id, line: (session) => withSession(body, fields, session) };
    }
    case "job":
      throw badField("method", "one that a miner uses");
    default:
      return { kind: "pass", id };
  }
}

const parsePoolCall = ({ method, params }: Call): PoolMessage =>
  method === "job" ? parseJob(params) : { kind: "other" };

function parseAnswer(step: string, result: unknown): readonly Announcement[] {
  if (step !== "login") return [];
  const fields = fieldsOf(result);
  const session = parseText("session id", fields.id, 128);
  return [{ kind: "session", session }, ...(fields.job === undefined ? [] : [parseJob(fields.job)])];
}

/** The login dialect of CryptoNote coins, RandomX among them: a share's difficulty is its expected hashes. */
export const cryptonote: Dialect = {
  needsExtranonce: false,
  movesExtranonce: true,
  parseMiner: (line) => readLine(line, parseMinerCall),
  parsePool: (line) => readLine(line, parsePoolCall),
  parseAnswer,
  present: ({ job }) => (job.line === undefined ? [] : [job.line]),
  granted: (id) => JSON.stringify({ id, jsonrpc: "2.0", error: null, result: { status: "OK" } }),
  refusal: (id, code, message) => JSON.stringify({ id, jsonrpc: "2.0", error: { code: -code, message }, result: null }),
};
