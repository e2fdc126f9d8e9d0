import type { GpuProcess } from "../source.ts";
import type { NvmlLibrary } from "./library.ts";
import { toSafeInteger } from "./memory.ts";
import { FUNCTION_NOT_FOUND, INSUFFICIENT_SIZE, SUCCESS } from "./returns.ts";

/*
 * nvmlProcessInfo_v2_t, 24 bytes: pid u32 @0, usedGpuMemory u64 @8, instance ids u32 @16 and @20. `_v2` writes it in
 * every driver that has it. `_v3` writes it too, but drivers 535.43 to 535.86 write 32 bytes under the same name.
 */
const SIZE = 24;
const WIDE_SIZE = 32;
const MIB = 1024 * 1024;
/** No program shares a GPU with more; a longer list is nonsense. */
const MOST = 4096;
const NO_PID = 0xffff_ffff;

type Kind = "Compute" | "Graphics";

/** Lists the programs on a GPU. Its memory is its own and large enough for either layout. */
export class ProcessReader {
  readonly #library: NvmlLibrary;
  readonly #sizeOfV3: number;
  readonly #count = Buffer.alloc(4);
  #entries = Buffer.alloc(64 * WIDE_SIZE);

  constructor(library: NvmlLibrary, driverVersion: string | undefined) {
    this.#library = library;
    this.#sizeOfV3 = writesWideEntries(driverVersion) ? WIDE_SIZE : SIZE;
  }

  /** Undefined when the driver does not tell. */
  list(handle: bigint, kind: Kind): readonly GpuProcess[] | undefined {
    const known = this.#ask(`nvmlDeviceGet${kind}RunningProcesses_v2`, handle, SIZE);
    return known === "missing"
      ? orAbsent(this.#ask(`nvmlDeviceGet${kind}RunningProcesses_v3`, handle, this.#sizeOfV3))
      : known;
  }

  #ask(
    name: `nvmlDeviceGet${Kind}RunningProcesses_v${2 | 3}`,
    handle: bigint,
    size: number,
  ): readonly GpuProcess[] | "missing" | undefined {
    // A program may start between two tries.
    for (let attempt = 0; attempt < 4; attempt++) {
      this.#count.writeUInt32LE(this.#entries.length / WIDE_SIZE);
      const code = this.#library.call(name, handle, this.#count, this.#entries);
      const count = this.#count.readUInt32LE();
      if (code === SUCCESS) return decode(this.#entries, Math.min(count, this.#entries.length / WIDE_SIZE), size);
      if (code === FUNCTION_NOT_FOUND) return "missing";
      if (code !== INSUFFICIENT_SIZE || count > MOST) return undefined;
      this.#entries = Buffer.alloc((count + 16) * WIDE_SIZE);
    }
    return undefined;
  }
}

/** Both lists in one; a program that computes and draws stands in both. */
export function mergeProcesses(
  compute: readonly GpuProcess[] | undefined,
  graphics: readonly GpuProcess[] | undefined,
): readonly GpuProcess[] | undefined {
  if (compute === undefined || graphics === undefined || graphics.length === 0) return compute;
  const drawing = graphics.filter(({ pid }) => !compute.some((one) => one.pid === pid));
  return [...compute, ...drawing.map((one) => ({ ...one, onlyDraws: true as const }))];
}

const orAbsent = (found: readonly GpuProcess[] | "missing" | undefined) => (found === "missing" ? undefined : found);

function decode(entries: Buffer, count: number, size: number): GpuProcess[] {
  const found: GpuProcess[] = [];
  for (let index = 0; index < count; index++) {
    const pid = entries.readUInt32LE(index * size);
    if (pid === 0 || pid === NO_PID) continue;
    // 2^64-1 says that the driver does not know.
    const used = toSafeInteger(entries.readBigUInt64LE(index * size + 8));
    found.push({ pid, ...(used === undefined ? {} : { usedMiB: Math.round(used / MIB) }) });
  }
  return found;
}

function writesWideEntries(driverVersion: string | undefined): boolean {
  const [major = 0, minor = 0] = (driverVersion ?? "").split(".").map(Number);
  return major === 535 && minor >= 43 && minor < 98;
}
