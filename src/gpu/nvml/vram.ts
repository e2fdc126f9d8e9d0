import type { NvmlLibrary } from "./library.ts";
import { SUCCESS } from "./returns.ts";

const MIB = 1024n * 1024n;
/** nvmlMemory_v2_t: version u32 @0, total @8, reserved @16, free @24, used @32. Version word: size | 2 << 24. */
const V2_SIZE = 40;
const V2_VERSION = 0x0200_0028;
/** nvmlMemory_t: total @0, free @8, used @16; its used holds the reserved memory too. */
const V1_SIZE = 24;

export interface Vram {
  readonly totalMiB: number;
  readonly usedMiB: number;
}

/** Reads a GPU's memory, with memory of its own that it uses again. */
export class VramReader {
  readonly #library: NvmlLibrary;
  readonly #v2 = Buffer.alloc(V2_SIZE);
  readonly #v1 = Buffer.alloc(V1_SIZE);

  constructor(library: NvmlLibrary) {
    this.#library = library;
  }

  read(handle: bigint): Vram | undefined {
    this.#v2.writeUInt32LE(V2_VERSION);
    if (this.#library.call("nvmlDeviceGetMemoryInfo_v2", handle, this.#v2) === SUCCESS) return toVram(this.#v2, 8, 32);
    if (this.#library.call("nvmlDeviceGetMemoryInfo", handle, this.#v1) === SUCCESS) return toVram(this.#v1, 0, 16);
    return undefined;
  }
}

const toVram = (buffer: Buffer, total: number, used: number): Vram => ({
  totalMiB: Number(buffer.readBigUInt64LE(total) / MIB),
  usedMiB: Number(buffer.readBigUInt64LE(used) / MIB),
});
