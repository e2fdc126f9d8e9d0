import { badField } from "../errors.ts";
import { parseHex, parseList, parseText } from "./fields.ts";
import { miningDialect, notifyOf, submitOf, withClean, withoutPrefix } from "./mining-calls.ts";

/** EthereumStratum/1.0.0 of NiceHash: the job is (id, seed hash, header hash, clean), a share only the miner's nonce. */
export const ethereumStratum = miningDialect({
  nonceBytes: 8,
  needsExtranonce: true,
  movesExtranonce: false,
  parseJob: ([id, seed, header]) => {
    for (const hash of [seed, header]) parseHex("job hash", withoutPrefix(hash), { min: 32, max: 32 });
    return { id: parseText("job id", id, 128) };
  },
  repeat: (params) => notifyOf(withClean(params, 3)),
  parseSubmit: (call) => {
    const [, job, nonce] = parseList("params", call.params, 16);
    parseHex("nonce", withoutPrefix(nonce), { min: 1, max: 8 });
    return submitOf(call, job);
  },
  parseSubscribed: (result) => {
    const [, extranonce] = parseList("subscribe result", result, 8);
    if (extranonce === undefined) throw badField("subscribe result", "a list with an extranonce");
    return extranonce;
  },
});
