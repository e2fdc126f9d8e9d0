import { parseMinerStats } from "../reference/miner-api.ts";
import { parseJson, present, toRate, toUptime } from "./answer.ts";
import { type ApiQuestion, http, type MinerProgram, toUrl } from "./program.ts";

const order = (path: string): ApiQuestion => ({ kind: "http", path, method: "POST", body: "{}" });

/** Rigshift's own CUDA miner (`docker/miner-cuda`), which proves rigs and is not for earning; the CPU miner's API is the same. */
export const cuda: MinerProgram = {
  args: ({ algorithm, pools, apiHost, apiPort, pciAddress, extra }) => [
    ...["--algorithm", algorithm],
    ...pools.flatMap((pool) => [...["--pool", toUrl(pool)], ...["--user", pool.user, "--password", pool.password]]),
    ...["--api-host", apiHost, "--api-port", String(apiPort)],
    ...(pciAddress === undefined ? [] : ["--device", pciAddress]),
    ...extra,
  ],
  questions: [http("/stats")],
  parse: ([text = ""]) => {
    const stats = parseMinerStats(parseJson(text));
    const run = {
      algorithm: stats.algorithm,
      accepted: stats.acceptedShares,
      rejected: stats.rejectedShares,
      devices: stats.devices.map(({ hashrateHps }, index) => ({
        index,
        ...present({ hashrate: toRate(hashrateHps) }),
      })),
      ...present({ hashrate: toRate(stats.hashrateHps) }),
    };
    return { paused: stats.paused, ...present({ uptime: toUptime(stats.uptimeS) }), runs: [run] };
  },
  pause: { pause: order("/pause"), resume: order("/resume") },
};
