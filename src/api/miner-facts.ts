import type { ShareRow, Workload } from "../ledger/rows.ts";
import type { GpuSnapshot } from "../rig/snapshot.ts";
import type { Hashrate } from "../units/work.ts";

/** Since the agent started. Invalid: the hash itself was wrong; rejected: refused for anything else. */
export interface ShareCounts {
  readonly accepted: number;
  readonly rejected: number;
  readonly invalid: number;
}

/** What a mining OS wants to know of one GPU; an absent field is unknown. */
export interface DeviceFacts {
  readonly workload: Workload;
  readonly state: GpuSnapshot["state"];
  readonly shares: ShareCounts;
  /** Absent on a processor. */
  readonly pciBus?: number;
  /** What the miner says, else what the pool accepted; absent while the GPU does not hash. */
  readonly hashrate?: Hashrate;
  readonly temperatureC?: number;
  readonly fanPercent?: number;
}

/** The rig as a mining OS sees it: one miner with several devices. */
export interface MinerFacts {
  readonly version: string;
  readonly uptimeS: number;
  readonly algorithm?: string;
  readonly devices: readonly DeviceFacts[];
}

const NO_SHARES: ShareCounts = { accepted: 0, rejected: 0, invalid: 0 };

/** Counts the shares of this run of the agent, as miners count theirs, and passes each on. */
export class ShareTally {
  readonly #counts = new Map<string, ShareCounts>();
  #onward: (share: ShareRow, sheet: string) => void = () => {};

  passTo(onward: (share: ShareRow, sheet: string) => void): void {
    this.#onward = onward;
  }

  /** `sheet` is the flight sheet that it was found for. */
  count(share: ShareRow, sheet: string): void {
    this.#add(share);
    this.#onward(share, sheet);
  }

  /** A share that the pool never answered is none of the three. */
  #add({ gpu, verdict }: ShareRow): void {
    if (verdict === "unknown") return;
    const kind = verdict === "accepted" ? "accepted" : verdict === "low-difficulty" ? "invalid" : "rejected";
    const counts = this.of(gpu);
    this.#counts.set(gpu, { ...counts, [kind]: counts[kind] + 1 });
  }

  of(gpu: string): ShareCounts {
    return this.#counts.get(gpu) ?? NO_SHARES;
  }
}

const PCI_ADDRESS = /^(?:[0-9a-f]{4,8}:)?([0-9a-f]{2}):[0-9a-f]{2}\.[0-7]$/i;

export function toDeviceFacts({ info, reading, workload, state, ...gpu }: GpuSnapshot, shares: ShareCounts) {
  const bus = PCI_ADDRESS.exec(info.pciBusId ?? "")?.[1];
  const hashrate = gpu.hashrateReported ?? gpu.hashrateEffective;
  return {
    workload,
    state,
    shares,
    ...(bus === undefined ? {} : { pciBus: Number.parseInt(bus, 16) }),
    ...(workload !== "hashing" || hashrate === undefined ? {} : { hashrate }),
    ...(reading?.temperatureC === undefined ? {} : { temperatureC: reading.temperatureC }),
    ...(reading?.fanPercent === undefined ? {} : { fanPercent: reading.fanPercent }),
  } satisfies DeviceFacts;
}

/** The sum over all devices. */
export function sumShares(devices: readonly DeviceFacts[]): ShareCounts {
  return devices.reduce(
    (sum, { shares }) => ({
      accepted: sum.accepted + shares.accepted,
      rejected: sum.rejected + shares.rejected,
      invalid: sum.invalid + shares.invalid,
    }),
    NO_SHARES,
  );
}

const HASHES: Readonly<Record<string, number>> = { hs: 1, khs: 1e3, mhs: 1e6, ghs: 1e9, ths: 1e12 };

const DIGITS = 6;

/** The devices' hashrates in the greatest of `units` that the fastest one fills; 0 is a device that does not hash. */
export function toHashrates<Unit extends string>(devices: readonly DeviceFacts[], units: readonly [Unit, ...Unit[]]) {
  const rates = devices.map(({ hashrate }) => hashrate ?? 0);
  const best = Math.max(0, ...rates);
  const unit = units.findLast((name) => best >= (HASHES[name] ?? 1)) ?? units[0];
  const per = HASHES[unit] ?? 1;
  return { unit, hashrates: rates.map((rate) => Number((rate / per).toPrecision(DIGITS))) };
}
