import { badField } from "../errors.ts";
import type { Submit } from "./dialect.ts";
import type { Call } from "./envelope.ts";
import { isRecord, parseHex, parseList, parseText } from "./fields.ts";
import { copyOf, miningDialect, submitOf } from "./mining-calls.ts";

/** One per chain: four groups to four groups. */
const CHAINS = 16;

/** Alephium: one notify carries a job for each of the sixteen chains, and a share is an object. */
export const alephium = miningDialect({
  nonceBytes: 24,
  needsExtranonce: false,
  movesExtranonce: true,
  parseJob: (params) => {
    if (typeof params[0] === "string") return { id: parseText("job id", params[0], 128) };
    const [id, ...alsoIds] = parseList("jobs", params, CHAINS).map(jobId);
    if (id === undefined) throw badField("jobs", "a list of jobs");
    return { id, alsoIds };
  },
  repeat: (_, line) => copyOf(line),
  parseSubmit: (call) => parseSubmit(call),
  parseSubscribed: () => undefined,
});

function jobId(job: unknown): string {
  if (!isRecord(job)) throw badField("job", "an object");
  return parseText("job id", job.jobId, 128);
}

function parseSubmit(call: Call): Submit {
  const { body, params } = call;
  if (!isRecord(params)) return parseShort(call);
  const { worker, nonce } = params;
  parseHex("nonce", nonce, { min: 1, max: 24 });
  return {
    job: jobId(params),
    ...(worker !== undefined && { worker: parseText("worker", worker, 256) }),
    line: (user) => JSON.stringify({ ...body, params: { ...params, worker: user } }),
  };
}

/** NiceHash's form: job id, nonce without its extranonce, and perhaps the worker; the pool knows whose it is. */
function parseShort(call: Call): Submit {
  const [first, second, third] = parseList("params", call.params, 8);
  if (typeof third === "string" && /^(0x)?[0-9a-fA-F]+$/.test(third)) return submitOf(call, second);
  parseHex("nonce", second, { min: 1, max: 24 });
  return {
    job: parseText("job id", first, 128),
    ...(third !== undefined && { worker: parseText("worker", third, 256) }),
    line: (user) =>
      JSON.stringify({ ...call.body, params: third === undefined ? [first, second] : [first, second, user] }),
  };
}
