import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { RigConfig } from "../../config/load.ts";
import type { GpuInfo } from "../../gpu/source.ts";
import { messageOf, systemCodeOf } from "../../lib/errors.ts";
import { seconds } from "../../units/time.ts";
import type { WorkSpec } from "../../workloads/driver.ts";
import { MiningError } from "../errors.ts";
import { freeLoopbackPort, type ListenAddress } from "../loopback.ts";
import { credentialsOf } from "../stratum/credentials.ts";
import { type PoolTarget, parsePoolUrl } from "../stratum/pool-url.ts";
import { type MinerDoor, programDoor } from "./door.ts";
import { generic } from "./generic.ts";
import type { MinerPool, MinerProgram } from "./program.ts";
import { MINER_PROGRAMS } from "./programs.ts";

/** A pool as a miner itself is told of it, logging in as `worker` would through the proxy. */
export function toMinerPool(target: PoolTarget, worker: string): MinerPool {
  const { host, port, secure } = parsePoolUrl(target.url);
  return { host, port, tls: secure === true, ...credentialsOf(target, worker) };
}

const LOOPBACK = "127.0.0.1";

/** `mining.miner` of the configuration. */
export type MinerConfig = NonNullable<NonNullable<RigConfig["mining"]>["miner"]>;

/** A miner program as it is started for one GPU. */
export interface MinerRun {
  readonly name: string;
  readonly door: MinerDoor;
  /** The work for the next start, on an API port that is free now; throws `ERR_MINER_FILE` or `ERR_MINER_ARGUMENT`. */
  prepare(): Promise<WorkSpec>;
}

export interface MinerRunOptions {
  readonly gpu: Pick<GpuInfo, "uuid" | "pciBusId">;
  readonly miner: MinerConfig;
  readonly proxy: ListenAddress;
  readonly worker: string;
  /** The pools themselves, for a miner that finds the proxy gone: then shares are not accounted, but paid. */
  readonly pools: readonly MinerPool[];
}

/** The operator's miner program as a child process of its own, which sees one GPU. */
export function minerRun({ gpu, miner, proxy, worker, pools }: MinerRunOptions): MinerRun {
  const { program, args: extra, algorithm, file, startTimeout } = miner;
  const adapter = adapterOf(miner);
  const name = `miner-${gpu.uuid}`;
  const apiToken = randomBytes(16).toString("hex");
  const pciAddress = toBusAndDevice(gpu.pciBusId);
  const sheet = {
    ...{ algorithm, apiToken, extra },
    ...(pciAddress === undefined ? {} : { pciAddress }),
    pools: [{ ...proxy, tls: false, user: worker, password: "x" }, ...pools] as const,
  };
  return {
    name,
    door: programDoor(adapter, apiToken),
    prepare: async () => {
      await checkFile(program, file);
      const apiPort = await freeLoopbackPort();
      return {
        ...{ name, role: "miner", gpu: gpu.uuid, command: file },
        args: adapter.args({ ...sheet, apiPort }),
        env: visibleDevices(gpu.uuid),
        answersAt: { host: LOOPBACK, port: apiPort },
        startTimeout,
        stopTimeout: seconds(10),
      };
    },
  };
}

const adapterOf = (miner: MinerConfig): MinerProgram =>
  miner.program === "generic" ? generic(miner.generic) : MINER_PROGRAMS[miner.program];

/** By UUID, so that it is the same card whatever else was plugged in. */
const visibleDevices = (gpu: string): Readonly<Record<string, string>> =>
  gpu.startsWith("GPU-") ? { CUDA_VISIBLE_DEVICES: gpu } : {};

/** `BB:DD` of NVML's `00000000:BB:DD.0`. */
const toBusAndDevice = (pciBusId: string | undefined): string | undefined =>
  /^(?:[0-9a-f]+:)?([0-9a-f]{2}:[0-9a-f]{2})\.[0-7]$/i.exec(pciBusId ?? "")?.[1];

async function checkFile(program: string, file: string): Promise<void> {
  try {
    await access(file, constants.X_OK);
  } catch (cause) {
    const why = systemCodeOf(cause) === "ENOENT" ? "there is no such file" : messageOf(cause);
    throw new MiningError(
      `the miner ${program} at ${file} cannot be run: ${why}`,
      { code: "ERR_MINER_FILE", mend: "name an executable file in mining.miner.file", retryable: true },
      { cause },
    );
  }
}
