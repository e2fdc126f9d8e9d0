import type { RigConfig } from "../config/load.ts";
import type { GpuInfo } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { CoinQuote } from "../market/file.ts";
import type { MinerPool } from "../mining/miners/program.ts";
import { minerRun } from "../mining/miners/program-run.ts";
import { referenceMinerContainer, referenceMinerSpec } from "../mining/miners/reference.ts";
import { minutes } from "../units/time.ts";
import type { WorkSpec } from "../workloads/driver.ts";
import type { MiningParts, PoolAway } from "./custody.ts";
import { HashingWatch } from "./hashing-watch.ts";
import { MinerControl, type PlannedMiner } from "./miner-control.ts";
import type { RigDriver } from "./rig-driver.ts";
import type { Surroundings } from "./surroundings.ts";

/** Rigshift's own miner gets easy work from its pool at once; a real one may build tables first, and shares are rare. */
const OWN_FIRST_SHARE = minutes(1);
const FIRST_SHARE = minutes(5);

/** How the rig's miners reach their pool. */
export interface MiningLink {
  readonly host: string;
  readonly port: number;
  readonly coin: CoinQuote;
  register(worker: string, gpu: GpuUuid): void;
  /** Undefined while the pool is there. */
  poolAway(): PoolAway | undefined;
  /** The pools behind the proxy, as `worker` logs in there, for programs that find the proxy gone. */
  pools?(worker: string): readonly MinerPool[];
}

export interface MiningSetting {
  readonly config: RigConfig;
  readonly driver: RigDriver;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** One GPU's miner and what watches it; its worker is known to the proxy from now on. */
export function miningOf(info: GpuInfo, parts: MiningSetting, link: MiningLink, ground: Surroundings): MiningParts {
  const { config, driver, ledger, clock } = parts;
  const gpu = info.uuid;
  const worker = `${config.rig.name}-${info.index}`;
  link.register(worker, gpu);
  const planned = plannedMiner(info, config.mining, worker, link);
  const firstShareWithin = config.mining?.miner === undefined ? OWN_FIRST_SHARE : FIRST_SHARE;
  return {
    coin: link.coin,
    miner: new MinerControl(driver, planned, { clock, onWork: (work) => ground.roster.note("miner", work) }),
    watch: new HashingWatch({ gpu, ledger, clock, coin: link.coin, firstShareWithin }),
    poolAway: () => link.poolAway(),
  };
}

/** The operator's own program, else the miner built into Rigshift, as a process or in a container. */
function plannedMiner(
  info: GpuInfo,
  mining: RigConfig["mining"],
  worker: string,
  link: MiningLink,
): PlannedMiner | WorkSpec {
  const { miner, image, threads } = mining ?? {};
  const proxy = { host: link.host, port: link.port };
  if (miner !== undefined) {
    const contained = image === undefined ? {} : { image };
    return minerRun({ gpu: info, miner, ...contained, proxy, worker, pools: link.pools?.(worker) ?? [] });
  }
  const options = { gpu: info.uuid, proxy, worker, ...(threads === undefined ? {} : { threads }) };
  return image === undefined ? referenceMinerSpec(options) : referenceMinerContainer(image, options);
}
