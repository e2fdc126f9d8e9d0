import type { Watts } from "../../units/energy.ts";
import type { Millis } from "../../units/time.ts";
import type { Hashrate } from "../../units/work.ts";

/** What a miner program says of itself; none of it is believed where the proxy knows better. Absent is unknown. */
export interface MinerReading {
  readonly version?: string;
  readonly uptime?: Millis;
  readonly paused?: boolean;
  /** One per algorithm: two when it mines two coins at once. */
  readonly runs: readonly MinerRun[];
}

export interface MinerRun {
  readonly algorithm?: string;
  readonly hashrate?: Hashrate;
  readonly accepted?: number;
  /** Whatever the pool did not pay: stale, duplicate, low difficulty. */
  readonly rejected?: number;
  /** Found wrong by the miner itself and not sent. */
  readonly invalid?: number;
  readonly devices: readonly MinerDevice[];
}

export interface MinerDevice {
  /** The miner's own number for it. */
  readonly index: number;
  /** PCI bus number, the only name that all programs share with the driver. */
  readonly pciBus?: number;
  readonly hashrate?: Hashrate;
  readonly accepted?: number;
  readonly rejected?: number;
  readonly invalid?: number;
  readonly power?: Watts;
  readonly temperatureC?: number;
}
