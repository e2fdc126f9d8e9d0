import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { Miner } from "../../../src/mining/reference/miner.ts";

/*
 * Takes T-Rex's arguments and answers as T-Rex does; what it hashes is sha256d. `--api` is the test's own:
 * `silent` never listens, `other` answers like another program.
 */
const { values } = parseArgs({
  options: {
    algo: { type: "string", short: "a" },
    url: { type: "string", short: "o", multiple: true },
    user: { type: "string", short: "u", multiple: true },
    pass: { type: "string", short: "p", multiple: true },
    devices: { type: "string", short: "d" },
    "api-bind-http": { type: "string", default: "" },
    "api-bind-telnet": { type: "string" },
    "api-read-only": { type: "boolean" },
    "no-watchdog": { type: "boolean" },
    "no-color": { type: "boolean" },
    api: { type: "string", default: "true" },
  },
});

const { algo, url: [url = ""] = [], user: [user = ""] = [], pass: [password = ""] = [] } = values;
process.stdout.write("T-Rex NVIDIA GPU miner v0.26.8 - [a stand-in]\n");
if (algo !== "sha256d" || values["no-watchdog"] !== true) throw new Error("not started as it should be");

const miner = new Miner({
  pool: { url, user, password },
  threads: 1,
  startPaused: false,
  clock: systemClock,
  logger: silentLogger,
  onFault: (error) => {
    throw error;
  },
});
await miner.start();

const summary = () => {
  const { hashrateHps, acceptedShares, rejectedShares, uptimeS } = miner.stats();
  const counts = { accepted_count: acceptedShares, rejected_count: rejectedShares };
  const hashrate = Math.round(hashrateHps ?? 0);
  const gpus = [{ device_id: 0, gpu_id: 0, hashrate, power: 0, temperature: 0, shares: counts }];
  return { algorithm: algo, version: "0.26.8", uptime: Math.floor(uptimeS), hashrate, ...counts, gpus };
};

const [host = "", port = ""] = values["api-bind-http"].split(":");
if (values.api !== "silent")
  createServer((request, response) => {
    const known = request.url === "/summary" && values.api === "true";
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(known ? summary() : { hello: "there" }));
  }).listen(Number(port), host);
