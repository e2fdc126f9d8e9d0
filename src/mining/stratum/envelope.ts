import { isRigError, messageOf } from "../../lib/errors.ts";
import { badField } from "../errors.ts";
import { isRecord, parseId, parseText, type StratumId, toPlain } from "./fields.ts";

/** Why a request was refused: the standard's code (20 where the pool gave none) and the pool's own words. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

export interface Response {
  readonly kind: "response";
  readonly id: StratumId;
  readonly result: unknown;
  readonly refusal?: Refusal;
}

export interface Malformed {
  readonly kind: "malformed";
  readonly id: StratumId;
  readonly reason: string;
  /** Present where it was to be a share: it counts, though nobody can read it. */
  readonly share?: NamedBy;
}

/** Whom a line names; `worker` is absent in dialects whose shares name nobody, empty where the name makes no sense. */
interface NamedBy {
  readonly worker?: string;
}

const SOLE_SUBMITS: readonly unknown[] = ["eth_submitWork", "submit"];

/** A request or a notification; nothing but id and method is checked yet. */
export interface Call {
  readonly id: StratumId;
  readonly method: string;
  readonly params: unknown;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Reads one line that nobody vouches for. Never throws: what is wrong with a line is its `reason`. */
export function readLine<Message>(
  line: Buffer | string,
  parseCall: (call: Call) => Message,
): Message | Response | Malformed {
  let id: StratumId = null;
  let share: NamedBy | undefined;
  try {
    const body: unknown = JSON.parse(line.toString("utf8"));
    if (!isRecord(body)) throw badField("line", "a JSON object");
    share = namedBy(body);
    id = parseId(body.id);
    if (body.method === undefined || body.method === null) return parseResponse(id, body);
    return parseCall({ id, method: parseText("method", body.method, 64), params: body.params ?? [], body });
  } catch (error) {
    return {
      kind: "malformed",
      id,
      reason: isRigError(error) ? messageOf(error) : "line is not JSON",
      ...(share && { share }),
    };
  }
}

function namedBy({ method, params }: Readonly<Record<string, unknown>>): NamedBy | undefined {
  if (SOLE_SUBMITS.includes(method)) return {};
  if (method !== "mining.submit") return undefined;
  const worker = isRecord(params) ? params.worker : Array.isArray(params) && params[0];
  return { worker: typeof worker === "string" ? worker : "" };
}

function parseResponse(id: StratumId, body: Readonly<Record<string, unknown>>): Response {
  if (!("result" in body) && !("error" in body)) throw badField("line", "a request or a response");
  const refusal = parseRefusal(body);
  return { kind: "response", id, result: body.result, ...(refusal && { refusal }) };
}

/** `error` comes as [code, text, …], as {code, message} or as text; ckpool says `reject-reason` beside a null error. */
function parseRefusal(body: Readonly<Record<string, unknown>>): Refusal | undefined {
  const { error, result } = body;
  if (Array.isArray(error)) return toRefusal(error[0], error[1]);
  if (isRecord(error)) return toRefusal(error.code, error.message);
  if (typeof error === "string") return toRefusal(undefined, error);
  if (result !== false && result !== null && result !== undefined) return undefined;
  return toRefusal(undefined, body["reject-reason"]);
}

function toRefusal(code: unknown, message: unknown): Refusal {
  const text = typeof message === "string" ? toPlain(message.slice(0, 200)) : "no reason given";
  return { code: typeof code === "number" && Number.isSafeInteger(code) ? code : 20, message: text };
}
