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
