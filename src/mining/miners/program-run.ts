import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { FlightSheetConfig } from "../../config/load.ts";
import type { DialectName } from "../../config/mining-terms.ts";
import type { GpuInfo } from "../../gpu/source.ts";
import type { GpuUuid } from "../../ledger/rows.ts";
import { messageOf, systemCodeOf } from "../../lib/errors.ts";
import { seconds } from "../../units/time.ts";
import type { ContainerPart, WorkSpec } from "../../workloads/driver.ts";
import { MiningError } from "../errors.ts";
import { freeLoopbackPort, type ListenAddress } from "../loopback.ts";
import { credentialsOf } from "../stratum/credentials.ts";
import { type PoolTarget, parsePoolUrl, termsOf } from "../stratum/pool-url.ts";
import type { ApiKey } from "./api-keys.ts";
import { type MinerDoor, programDoor } from "./door.ts";
import { generic } from "./generic.ts";
import type { MinerPool, MinerProgram, MinerSheet } from "./program.ts";
import { MINER_PROGRAMS } from "./programs.ts";

/** A pool as a miner itself is told of it, logging in as `worker` would through the proxy. */
export function toMinerPool(target: PoolTarget, worker: string): MinerPool {
  const { host, port, secure } = parsePoolUrl(target.url);
  const { dialect } = termsOf(target);
  return { host, port, tls: secure === true, dialect, ...credentialsOf(target, worker) };
}

const LOOPBACK = "127.0.0.1";
/** Inside a container every port is free. */
const CONTAINER_PORT = 4067;

/** The miner of a flight sheet. */
export type MinerConfig = NonNullable<FlightSheetConfig["miner"]>;

/** A miner program as it is started for one GPU. */
export interface MinerRun {
  readonly name: string;
  readonly door: MinerDoor;
  /** The work for the next start, with an API port that is free now; throws `ERR_MINER_FILE` or `ERR_MINER_ARGUMENT`. */
  prepare(): Promise<WorkSpec>;
}

/** Where a miner reaches the rig's proxy, and how that talks. */
export interface ProxyAddress extends ListenAddress {
  readonly dialect: DialectName;
}

export interface MinerRunOptions {
  readonly gpu: Pick<GpuInfo, "uuid" | "pciBusId">;
  readonly miner: MinerConfig;
  /** Instead of the program's file. */
  readonly image?: string;
  readonly proxy: ProxyAddress;
  readonly worker: string;
  readonly apiKey: ApiKey;
  /** Whether the proxy takes who logs in as that for `worker`. */
  readonly isKnownAs: (login: string) => boolean;
  /** The pools themselves, for a miner that finds the proxy gone: then shares are not accounted, but paid. */
  readonly pools: readonly MinerPool[];
  /** A second coin for the program to hash at the same time, by its own name for the algorithm. */
  readonly dual?: { readonly algorithm: string; readonly proxy: ProxyAddress };
}

/** The operator's miner program for one GPU, as a child process or in a container of its own. */
export function minerRun(options: MinerRunOptions): MinerRun {
  const { gpu, miner, image, worker, apiKey, dual } = options;
  const toProxy = (at: ProxyAddress): MinerPool => ({ ...at, tls: false, user: worker, password: "x" });
  const adapter = adapterOf(miner);
  const pciAddress = toBusAndDevice(gpu.pciBusId);
  const sheet = {
    ...{ algorithm: miner.algorithm, apiToken: apiKey.token, extra: miner.args },
    ...(pciAddress === undefined ? {} : { pciAddress }),
    ...(gpu.uuid.startsWith("CPU-") ? ({ onProcessor: true } as const) : {}),
    ...(dual === undefined ? {} : { dual: { algorithm: dual.algorithm, pool: toProxy(dual.proxy) } }),
  };
  const spec: Omit<WorkSpec, "command" | "args"> = {
    name: `miner-${gpu.uuid}`,
    role: "miner",
    gpu: gpu.uuid,
    startTimeout: miner.startTimeout,
    stopTimeout: seconds(10),
  };
  const proxy = toProxy(options.proxy);
  const contained = async (of: string): Promise<WorkSpec> => ({
    ...spec,
    command: "",
    // Its network leads to the proxy and nowhere else: a pool's password would be shown for nothing.
    args: adapter.args({ ...sheet, pools: [proxy], apiHost: "0.0.0.0", apiPort: CONTAINER_PORT }),
    container: containerOf(of, gpu.uuid),
  });
  const native = async (file: string): Promise<WorkSpec> => {
    await checkFile(miner.program, file);
    const apiPort = await freeLoopbackPort();
    const pools = [loginAt(proxy, adapter, options), ...options.pools] as const;
    const full: MinerSheet = { ...sheet, pools, apiHost: LOOPBACK, apiPort };
    const settings = adapter.apiSettings?.(full);
    return {
      ...spec,
      command: file,
      args: adapter.args({ ...full, ...(settings === undefined ? {} : { apiFile: apiKey.tell(settings) }) }),
      env: visibleDevices(gpu.uuid),
      answersAt: { host: LOOPBACK, port: apiPort },
    };
  };
  return {
    name: spec.name,
    door: programDoor(adapter, apiKey.token),
    prepare: () => (image === undefined ? native(miner.file ?? "") : contained(image)),
  };
}

function containerOf(image: string, gpu: GpuUuid): ContainerPart {
  return {
    image,
    profile: "operator",
    gpus: /^(GPU|MIG)-/.test(gpu) ? [gpu] : [],
    limits: { memoryMiB: 8192, cpus: availableParallelism(), pids: 512 },
    ready: { kind: "port", port: CONTAINER_PORT },
  };
}

/** A program with one login for all its pools has that of the first at the proxy too, if it is known by it there. */
function loginAt(proxy: MinerPool, adapter: MinerProgram, { pools: [first], isKnownAs }: MinerRunOptions): MinerPool {
  if (adapter.hasOneLogin === undefined || first === undefined || !isKnownAs(first.user)) return proxy;
  return { ...proxy, user: first.user, password: first.password };
}

export const adapterOf = (miner: MinerConfig): MinerProgram =>
  miner.program === "generic" ? generic(miner.generic) : MINER_PROGRAMS[miner.program];

/** By UUID, so that it is the same card whatever else was plugged in. */
const visibleDevices = (gpu: string): Readonly<Record<string, string>> =>
  gpu.startsWith("GPU-") ? { CUDA_VISIBLE_DEVICES: gpu } : {};

/** `BB:DD` of NVML's `00000000:BB:DD.0`. */
const toBusAndDevice = (pciBusId: string | undefined): string | undefined =>
  /^(?:[0-9a-f]+:)?([0-9a-f]{2}:[0-9a-f]{2})\.[0-7]$/i.exec(pciBusId ?? "")?.[1];

/** Throws `ERR_MINER_FILE` where the program is missing or may not be run. */
export async function checkFile(program: string, file: string): Promise<void> {
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
