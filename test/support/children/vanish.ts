import { execFileSync } from "node:child_process";
import { ProxyBench } from "../proxy-bench.ts";
import { ScriptedPool } from "../scripted-pool.ts";

/**
 * In a network namespace of its own: the primary's address, given as the argument, goes away without a word while no
 * share is under way. Prints how many milliseconds later the miner was on the backup.
 */
const [address = ""] = process.argv.slice(2);
const primary = await ScriptedPool.start({ host: address, extranonces: ["aaaa"] });
const backup = await ScriptedPool.start({ extranonces: ["bbbb"] });
const bench = await ProxyBench.start([primary, backup]);
const miner = await bench.miner();
const since = performance.now();
execFileSync("ip", ["address", "del", `${address}/32`, "dev", "lo"]);
const { params } = await miner.method("mining.set_extranonce");
process.stdout.write(JSON.stringify({ extranonce: params?.[0], ms: Math.round(performance.now() - since) }));
process.exit(0);
