import type { NotifyFields, SubmitFields } from "../reference/header.ts";
import type { StratumId } from "./fields.ts";
import type { Extranonce } from "./parser.ts";
import type { PoolTarget } from "./pool-url.ts";

const call = (id: StratumId, method: string, params: readonly unknown[]): string =>
  JSON.stringify({ id, method, params });

export const hexWord = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");

export const answerLine = (id: StratumId, result: unknown): string => JSON.stringify({ id, result, error: null });
export const refusalLine = (id: StratumId, code: number, message: string): string =>
  JSON.stringify({ id, result: null, error: [code, message, null] });

export const authorizeLine = (id: StratumId, pool: Pick<PoolTarget, "user" | "password">): string =>
  call(id, "mining.authorize", [pool.user, pool.password]);

export const submitLine = (id: StratumId, user: string, submit: SubmitFields): string => {
  const { job, extranonce2, ntime, nonce, versionBits } = submit;
  const rolled = versionBits === undefined ? [] : [versionBits];
  return call(id, "mining.submit", [user, job, extranonce2, ntime, nonce, ...rolled]);
};

export const difficultyLine = (value: number): string => call(null, "mining.set_difficulty", [value]);
export const versionMaskLine = (mask: number): string => call(null, "mining.set_version_mask", [hexWord(mask)]);
export const extranonceLine = ({ extranonce1, extranonce2Size }: Extranonce): string =>
  call(null, "mining.set_extranonce", [extranonce1, extranonce2Size]);

export const notifyLine = (job: NotifyFields, cleanJobs: boolean): string => {
  const { id, prevHash, coinb1, coinb2, branches, version, nbits, ntime } = job;
  return call(null, "mining.notify", [id, prevHash, coinb1, coinb2, branches, version, nbits, ntime, cleanJobs]);
};
