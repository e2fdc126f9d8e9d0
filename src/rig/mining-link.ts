import type { FlightSheetConfig, RigConfig } from "../config/load.ts";
import type { GpuInfo } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { CoinQuote } from "../market/file.ts";
import type { ApiKey } from "../mining/miners/api-keys.ts";
import type { MinerPool } from "../mining/miners/program.ts";
import { minerRun, type ProxyAddress } from "../mining/miners/program-run.ts";
import { referenceMinerContainer, referenceMinerSpec } from "../mining/miners/reference.ts";
import { minutes } from "../units/time.ts";
import { hashrate } from "../units/work.ts";
import { keptPart } from "../valuation/hashing.ts";
import type { RunningWork } from "../workloads/driver.ts";
import { type FlightSheet, FlightSheets, type PoolAway } from "./flight-sheets.ts";
import { HashingWatch } from "./hashing-watch.ts";
import { MinerControl, ownMiner, type PlannedMiner } from "./miner-control.ts";
import { dualLabel } from "./rates.ts";
import type { RigDriver } from "./rig-driver.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Prices, sheetTerms } from "./valuing.ts";

/** Rigshift's own miner gets easy work from its pool at once; a real one may build tables first, and shares are rare. */
const OWN_FIRST_SHARE = minutes(1);
const FIRST_SHARE = minutes(5);

/** How the rig's miners reach the pools of one flight sheet. */
export interface MiningLink extends ProxyAddress {
  readonly sheet: FlightSheetConfig;
  readonly quote: CoinQuote;
  /** Of the second coin, where the flight sheet has one. */
  readonly dual?: { readonly quote: CoinQuote; readonly proxy: ProxyAddress };
  register(worker: string, gpu: GpuUuid): void;
  /** Undefined while the pool is there. */
  poolAway(): PoolAway | undefined;
  /** The pools behind the proxy, as `worker` logs in there, for programs that find the proxy gone. */
  pools?(worker: string): readonly MinerPool[];
  /** Whether the proxy takes who logs in as that for `worker`. */
  knows?(login: string, worker: string): boolean;
  /** Only for programs of the operator's; throws `ERR_MINER_FILE`. */
  apiKey(gpu: GpuUuid): ApiKey;
}

export interface MiningSetting {
  readonly config: RigConfig;
  readonly driver: RigDriver;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
  /** What is taken of what shares are worth; nothing when absent. */
  readonly terms?: Prices["terms"] | undefined;
}

/** One GPU's flight sheets and its miner; its worker is known to the proxies from now on. Undefined without any. */
export function miningOf(
  info: GpuInfo,
  parts: MiningSetting,
  links: readonly MiningLink[],
  ground: Surroundings,
): FlightSheets | undefined {
  const own = links.filter(({ sheet }) => sheet.gpus?.includes(info.uuid) ?? true);
  const sheets = own.map((link) => sheetOf(info, parts, link));
  const [first] = sheets;
  if (first === undefined) return undefined;
  const { driver, clock } = parts;
  const onWork = (work: RunningWork | undefined) => ground.roster.note("miner", work);
  return new FlightSheets(new MinerControl(driver, first.planned, { clock, onWork }), sheets);
}

function sheetOf(
  info: GpuInfo,
  { config, ledger, clock, terms, logger }: MiningSetting,
  link: MiningLink,
): FlightSheet {
  const gpu = info.uuid;
  const worker = `${config.rig.name}-${info.index}`;
  link.register(worker, gpu);
  const { sheet, quote, dual } = link;
  const second = dual && { coin: dual.quote, fees: sheet.dual?.fees };
  const firstShareWithin = sheet.miner === undefined ? OWN_FIRST_SHARE : FIRST_SHARE;
  const kept = (coin: string) => {
    const fees = coin === sheet.dual?.coin ? sheet.dual.fees : sheet.fees;
    const taken = sheetTerms({ name: sheet.name, coin, fees }, terms);
    // A share that the pool accepted is work of the rig alone: no miner's fee and no reject is in it.
    return taken === undefined ? 1 : keptPart({ basis: "effective", terms: taken });
  };
  const known = (coin: string) => {
    const measured = ledger.benchmarks.get(gpu, coin === sheet.dual?.coin ? dualLabel(sheet.name, coin) : sheet.name);
    return measured?.unit === "H/s" ? hashrate(measured.rate) : undefined;
  };
  const told = { kept, known, logger };
  return {
    name: sheet.name,
    coin: quote,
    fees: sheet.fees,
    ...(second === undefined ? {} : { dual: second }),
    leaveCost: sheet.leaveCost,
    ...(sheet.miner === undefined ? {} : { minerAlgorithm: sheet.miner.algorithm }),
    planned: labelled(plannedMiner(info, worker, link), sheet.name),
    watch: new HashingWatch({ gpu, ledger, clock, coin: quote, dual: dual?.quote, ...told, firstShareWithin }),
    poolAway: () => link.poolAway(),
  };
}

/** So that a container that an agent after this one finds tells by which flight sheet it hashes. */
const labelled = (planned: PlannedMiner, sheet: string): PlannedMiner => ({
  ...planned,
  prepare: async () => ({ ...(await planned.prepare()), sheet }),
});

/** The operator's own program, else the miner built into Rigshift, as a process or in a container. */
function plannedMiner(info: GpuInfo, worker: string, link: MiningLink): PlannedMiner {
  const { miner, image, threads, dual } = link.sheet;
  const { host, port, dialect } = link;
  const proxy = { host, port, dialect };
  if (miner !== undefined) {
    const contained = image === undefined ? {} : { image };
    const second = dual && link.dual && { algorithm: dual.programAlgorithm, proxy: link.dual.proxy };
    const paired = second === undefined ? {} : { dual: second };
    const isKnownAs = (login: string) => link.knows?.(login, worker) ?? false;
    const known = { worker, isKnownAs, pools: link.pools?.(worker) ?? [], apiKey: link.apiKey(info.uuid) };
    return minerRun({ gpu: info, miner, ...contained, ...paired, ...known, proxy });
  }
  const options = { gpu: info.uuid, proxy, worker, ...(threads === undefined ? {} : { threads }) };
  return ownMiner(image === undefined ? referenceMinerSpec(options) : referenceMinerContainer(image, options));
}
