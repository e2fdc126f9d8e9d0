import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { Miner } from "../../../src/mining/reference/miner.ts";

/* A program that hashes two coins at once: one login at each of two pools, and one answer that tells both rates. */
const { values } = parseArgs({
  options: {
    pool: { type: "string", multiple: true, default: [] },
    user: { type: "string", multiple: true, default: [] },
    api: { type: "string", default: "" },
  },
});

const miners = values.pool.map(
  (pool, index) =>
    new Miner({
      pool: { url: `stratum+tcp://${pool}`, user: values.user[index] ?? "", password: "x" },
      threads: 1,
      startPaused: false,
      clock: systemClock,
      logger: silentLogger,
      onFault: (error) => {
        throw error;
      },
    }),
);
for (const miner of miners) await miner.start();

createServer((_request, response) => {
  const rates = miners.map((miner) => miner.stats().hashrateHps);
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ rates }));
}).listen(Number(values.api), "127.0.0.1");
