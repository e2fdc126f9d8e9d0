import { parseHex, parseList, parseText } from "./fields.ts";
import { copyOf, miningDialect, submitOf } from "./mining-calls.ts";

/**
 * kHeavyHash of Kaspa and its forks. The four 64-bit words of a job do not fit a JavaScript number, so nothing of a job
 * is written anew: its line is kept and passed as it came.
 */
export const kheavyhash = miningDialect({
  nonceBytes: 8,
  needsExtranonce: false,
  movesExtranonce: true,
  parseJob: ([id]) => ({ id: parseText("job id", id, 128) }),
  repeat: (_, line) => copyOf(line),
  parseSubmit: (call) => {
    const [, job, nonce] = parseList("params", call.params, 16);
    const text = parseText("nonce", nonce, 18).replace(/^0x/, "");
    parseHex("nonce", text.length % 2 === 0 ? text : `0${text}`, { min: 1, max: 8 });
    return submitOf(call, job);
  },
  parseSubscribed: () => undefined,
});
