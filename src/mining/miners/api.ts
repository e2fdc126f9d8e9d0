import { once } from "node:events";
import { connect } from "node:net";
import { messageOf } from "../../lib/errors.ts";
import { withDeadline } from "../../lib/wait.ts";
import { seconds } from "../../units/time.ts";
import { MiningError } from "../errors.ts";
import { badAnswer } from "./answer.ts";
import type { ApiQuestion, MinerProgram } from "./program.ts";
import type { MinerReading } from "./reading.ts";

const TIMEOUT = seconds(5);
/** Twelve cards with every detail are 40 kB. */
const MAX_ANSWER_BYTES = 512 * 1024;

/** Where a miner's API listens; `token` for those that want one. */
export interface MinerAddress {
  readonly host: string;
  readonly port: number;
  readonly token?: string;
}

/** Asks a miner everything once; throws `ERR_MINER_API` when it does not answer, `ERR_MINER_ANSWER` when that makes no sense. */
export async function readMiner(
  program: MinerProgram,
  address: MinerAddress,
  signal: AbortSignal,
): Promise<MinerReading> {
  const answers: string[] = [];
  for (const question of program.questions) answers.push(await askMiner(question, address, signal));
  return program.parse(answers);
}

/** One question to a miner's API, and its whole answer. */
export async function askMiner(question: ApiQuestion, address: MinerAddress, signal: AbortSignal): Promise<string> {
  const deadline = withDeadline(signal, TIMEOUT);
  try {
    return question.kind === "http"
      ? await askHttp(question, address, deadline)
      : await askTcp(question.text, address, deadline);
  } catch (error) {
    if (error instanceof MiningError || signal.aborted) throw error;
    throw apiFault(`the miner's API at ${address.host}:${address.port} does not answer (${whyOf(error)})`, error);
  }
}

/** What `fetch` only says in its cause. */
const whyOf = (error: unknown): string =>
  messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);

async function askHttp(
  { path, method = "GET", body }: Extract<ApiQuestion, { readonly kind: "http" }>,
  { host, port, token }: MinerAddress,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(new URL(path, `http://${host}:${port}`), {
    method,
    redirect: "error",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body }),
    signal,
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw apiFault(`the miner answered ${response.status} to ${path}`);
  }
  return await readAll(response.body ?? []);
}

/** Such a miner answers and closes; the one that leaves the connection open is cut off by the deadline. */
async function askTcp(text: string, { host, port }: MinerAddress, signal: AbortSignal): Promise<string> {
  const socket = connect({ host, port, signal });
  try {
    await once(socket, "connect", { signal });
    socket.write(`${text}\n`);
    const answer = await readAll(socket);
    return answer.replace(/\0+$/, "");
  } finally {
    socket.destroy();
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw badAnswer("answer", `more than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString("utf8");
}

const apiFault = (message: string, cause?: unknown): MiningError =>
  new MiningError(message, { code: "ERR_MINER_API", mend: "look at the miner's log", retryable: true }, { cause });
