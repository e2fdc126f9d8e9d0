import { withDeadline } from "../../lib/wait.ts";
import { seconds } from "../../units/time.ts";
import { MiningError } from "../errors.ts";

/** What a miner says of itself. A rate it has not measured yet is null, never 0. */
export interface MinerStats {
  readonly algorithm: string;
  readonly uptimeS: number;
  /** True only once no thread hashes any more. */
  readonly paused: boolean;
  readonly hashrateHps: number | null;
  readonly acceptedShares: number;
  readonly rejectedShares: number;
  readonly devices: readonly { readonly hashrateHps: number | null }[];
  readonly pool: { readonly url: string; readonly connected: boolean };
}

const TIMEOUT = seconds(5);
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_DEVICES = 1024;

/** Throws `ERR_MINER_API` when the miner does not answer, `ERR_MINER_ANSWER` when its answer makes no sense. */
export async function fetchMinerStats(base: string, signal: AbortSignal): Promise<MinerStats> {
  return parseMinerStats(await call(base, { path: "/stats", method: "GET" }, signal));
}

/** Resolves once every thread has stopped hashing; the Stratum session stays up. */
export async function pauseMiner(base: string, signal: AbortSignal): Promise<void> {
  const answer = await call(base, { path: "/pause", method: "POST" }, signal);
  if (!isRecord(answer) || answer.paused !== true) throw badAnswer("paused", "true");
}

export async function resumeMiner(base: string, signal: AbortSignal): Promise<void> {
  const answer = await call(base, { path: "/resume", method: "POST" }, signal);
  if (!isRecord(answer) || answer.paused !== false) throw badAnswer("paused", "false");
}

interface Call {
  readonly path: "/stats" | "/pause" | "/resume";
  readonly method: "GET" | "POST";
}

async function call(base: string, { path, method }: Call, signal: AbortSignal): Promise<unknown> {
  try {
    const response = await fetch(new URL(path, base), {
      method,
      redirect: "error",
      headers: { "content-type": "application/json" },
      ...(method === "POST" && { body: "{}" }),
      signal: withDeadline(signal, TIMEOUT),
    });
    if (!response.ok) throw apiFault(`the miner answered ${response.status} to ${path}`, { status: response.status });
    return parseJson(await readLimited(response));
  } catch (error) {
    if (error instanceof MiningError || signal.aborted) throw error;
    throw apiFault(`the miner's API at ${base} does not answer ${path}`, {}, error);
  }
}

const apiFault = (message: string, facts: { readonly status?: number }, cause?: unknown): MiningError =>
  new MiningError(
    message,
    { code: "ERR_MINER_API", mend: "look at the miner's log", retryable: true, ...facts },
    { cause },
  );

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw badAnswer("answer", `at most ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer("answer", "JSON");
  }
}

/** Reads a miner's `/stats`; throws `ERR_MINER_ANSWER` naming the field that is wrong. */
export function parseMinerStats(value: unknown): MinerStats {
  if (!isRecord(value)) throw badAnswer("answer", "an object");
  const { devices, pool } = value;
  if (!Array.isArray(devices) || devices.length > MAX_DEVICES) throw badAnswer("devices", "a list");
  if (!isRecord(pool)) throw badAnswer("pool", "an object");
  return {
    algorithm: text("algorithm", value.algorithm),
    uptimeS: amount("uptimeS", value.uptimeS),
    paused: flag("paused", value.paused),
    hashrateHps: rate("hashrateHps", value.hashrateHps),
    acceptedShares: amount("acceptedShares", value.acceptedShares),
    rejectedShares: amount("rejectedShares", value.rejectedShares),
    devices: devices.map((device: unknown) => ({
      hashrateHps: rate("devices.hashrateHps", isRecord(device) ? device.hashrateHps : undefined),
    })),
    pool: { url: text("pool.url", pool.url), connected: flag("pool.connected", pool.connected) },
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const badAnswer = (field: string, wanted: string): MiningError =>
  new MiningError(`the miner's ${field} is not ${wanted}`, {
    code: "ERR_MINER_ANSWER",
    field,
    mend: "check that the port is the miner's own API",
    retryable: true,
  });

function text(field: string, value: unknown): string {
  if (typeof value === "string" && value.length <= 256) return value;
  throw badAnswer(field, "a string of at most 256 characters");
}

function amount(field: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw badAnswer(field, "a number of at least 0");
}

function flag(field: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw badAnswer(field, "true or false");
}

const rate = (field: string, value: unknown): number | null =>
  value === null || value === undefined ? null : amount(field, value);
