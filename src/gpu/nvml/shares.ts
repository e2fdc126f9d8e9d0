import type { NvmlLibrary } from "./library.ts";
import { toSafeInteger } from "./memory.ts";
import { INSUFFICIENT_SIZE, SUCCESS } from "./returns.ts";

/** nvmlProcessUtilizationSample_t, 32 bytes: pid u32 @0, time u64 in microseconds @8, percent of the cores u32 @16. */
const SIZE = 32;
/** The driver keeps a few samples of each program; a longer list is nonsense. */
const MOST = 4096;
const NO_PID = 0xffff_ffff;

/** Percent of the GPU's cores by process id, and the driver's time of the newest sample in microseconds. */
interface Shares {
  readonly shares: ReadonlyMap<number, number>;
  readonly seen: number;
}

const NONE: Shares = { shares: new Map(), seen: 0 };

/** Reads how a GPU's cores were shared by its programs, with memory that it uses again. */
export class ShareReader {
  readonly #library: NvmlLibrary;
  readonly #count = Buffer.alloc(4);
  #samples = Buffer.alloc(32 * SIZE);

  constructor(library: NvmlLibrary) {
    this.#library = library;
  }

  /** Of the samples after `since`; none where the driver does not tell, or no program used the cores. */
  read(handle: bigint, since: number): Shares {
    // A program may start between two tries.
    for (let attempt = 0; attempt < 4; attempt++) {
      this.#count.writeUInt32LE(this.#samples.length / SIZE);
      const name = "nvmlDeviceGetProcessUtilization";
      const code = this.#library.call(name, handle, this.#samples, this.#count, since);
      const count = this.#count.readUInt32LE();
      if (code === SUCCESS) return decode(this.#samples, Math.min(count, this.#samples.length / SIZE));
      if (code !== INSUFFICIENT_SIZE || count > MOST) return NONE;
      this.#samples = Buffer.alloc((count + 16) * SIZE);
    }
    return NONE;
  }
}

/** The newest sample of each program. */
function decode(samples: Buffer, count: number): Shares {
  const newest = new Map<number, { readonly time: number; readonly percent: number }>();
  let seen = 0;
  for (let at = 0; at < count * SIZE; at += SIZE) {
    const pid = samples.readUInt32LE(at);
    const time = toSafeInteger(samples.readBigUInt64LE(at + 8));
    const percent = samples.readUInt32LE(at + 16);
    // Drivers are known to leave entries of programs that ended, with numbers that cannot be.
    if (pid === 0 || pid === NO_PID || time === undefined || percent > 100) continue;
    seen = Math.max(seen, time);
    if (time >= (newest.get(pid)?.time ?? 0)) newest.set(pid, { time, percent });
  }
  return { shares: new Map([...newest].map(([pid, { percent }]) => [pid, percent])), seen };
}
