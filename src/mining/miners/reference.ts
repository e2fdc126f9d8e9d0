import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { GpuUuid } from "../../ledger/rows.ts";
import { seconds } from "../../units/time.ts";
import type { WorkSpec } from "../../workloads/driver.ts";

const PROGRAM = fileURLToPath(new URL("../reference/miner-main.ts", import.meta.url));

export interface ReferenceMinerOptions {
  readonly gpu: GpuUuid;
  /** The proxy's loopback address; the miner never learns the pool's. */
  readonly proxy: { readonly host: string; readonly port: number };
  readonly worker: string;
  /** Absent: all cores but one. */
  readonly threads?: number;
}

/** The same in a container of `image`: it reaches the proxy over its bridge, and is asked over a socket of its own. */
export function referenceMinerContainer(image: string, options: ReferenceMinerOptions): WorkSpec {
  const { gpu, proxy, worker, threads = Math.max(1, availableParallelism() - 1) } = options;
  const pool = `stratum+tcp://${proxy.host}:${proxy.port}`;
  const api = ["--api-socket", "/run/rigshift/miner.sock"];
  return {
    name: `miner-${gpu}`,
    role: "miner",
    gpu,
    command: "",
    args: ["--pool", pool, "--user", worker, "--password", "x", ...api, "--threads", String(threads)],
    startTimeout: seconds(15),
    stopTimeout: seconds(5),
    container: {
      image,
      profile: "operator",
      gpus: [],
      limits: { memoryMiB: 256 + 64 * threads, cpus: threads, pids: 64 + 16 * threads },
      ready: { kind: "announced", file: "miner.sock" },
    },
  };
}

/** How to run the built-in CPU miner, which is for trying out and proving, not for earning. */
export function referenceMinerSpec({ gpu, proxy, worker, threads }: ReferenceMinerOptions): WorkSpec {
  return {
    name: `miner-${gpu}`,
    role: "miner",
    gpu,
    command: process.execPath,
    args: [
      PROGRAM,
      "--pool",
      `stratum+tcp://${proxy.host}:${proxy.port}`,
      "--user",
      worker,
      "--password",
      "x",
      "--api-port",
      "0",
      "--nice",
      "10",
      "--exit-with-stdin",
      ...(threads === undefined ? [] : ["--threads", String(threads)]),
    ],
    nice: 10,
    startTimeout: seconds(15),
    stopTimeout: seconds(5),
  };
}
