import { formatTarget, parseHex, parseList, parseTarget, parseText } from "./fields.ts";
import { miningDialect, notifyOf, submitOf, withClean, withoutPrefix } from "./mining-calls.ts";

/** KawPow and other ProgPow coins: targets instead of difficulties, the job's own winning over the announced one. */
export const kawpow = miningDialect({
  nonceBytes: 8,
  needsExtranonce: true,
  movesExtranonce: false,
  parseJob: ([id, header, seed, target]) => {
    for (const hash of [header, seed]) parseHex("job hash", withoutPrefix(hash), { min: 32, max: 32 });
    const job = { id: parseText("job id", id, 128) };
    return typeof target === "string" && target !== "" ? { ...job, difficulty: parseTarget("target", target) } : job;
  },
  sayDifficulty: (value) => JSON.stringify({ id: null, method: "mining.set_target", params: [formatTarget(value)] }),
  repeat: (params) => notifyOf(withClean(params, 4)),
  parseSubmit: (call) => {
    const [, job, nonce, header, mix] = parseList("params", call.params, 16);
    parseHex("nonce", withoutPrefix(nonce), { min: 8, max: 8 });
    for (const hash of [header, mix]) parseHex("share hash", withoutPrefix(hash), { min: 32, max: 32 });
    return submitOf(call, job);
  },
  parseSubscribed: (result) => parseList("subscribe result", result, 8)[1] ?? "",
});
