import type { FileHandle } from "node:fs/promises";

const OLDEST_VERSION = 2;
const NEWEST_VERSION = 3;
const FIRST_READ_BYTES = 1 << 22;
const LARGEST_HEADER_BYTES = 1 << 28;
const MOST_DIMENSIONS = 4;
const MOST_LAYERS = 512;
/** Bytes of each scalar value type, by its number in the format. */
const SCALAR_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8] as const;
const UINT32 = 4;
const STRING = 8;
const ARRAY = 9;

/** What is wrong with the header, or null. llama.cpp ends the process on some of these instead of reporting them. */
export async function faultInHeader(file: FileHandle): Promise<string | null> {
  const { size } = await file.stat();
  for (let length = Math.min(size, FIRST_READ_BYTES); ; length = Math.min(size, length * 4)) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    const walk = new HeaderWalk(buffer.subarray(0, bytesRead), size);
    try {
      walk.check();
      return null;
    } catch (error) {
      if (error instanceof HeaderFault) return error.message;
      if (length >= size) return "is cut off inside its header";
      if (length >= LARGEST_HEADER_BYTES) return "has a header without end";
    }
  }
}

class HeaderFault extends Error {}

/** Reads forward through the header once; running off the end of the bytes is a RangeError. */
class HeaderWalk {
  #at = 0;
  readonly #bytes: Buffer;
  readonly #fileSize: number;

  constructor(bytes: Buffer, fileSize: number) {
    this.#bytes = bytes;
    this.#fileSize = fileSize;
  }

  check(): void {
    if (this.#bytes.toString("latin1", 0, 4) !== "GGUF") throw new HeaderFault("is not a GGUF file");
    this.#skip(4);
    const version = this.#uint32();
    if (version < OLDEST_VERSION || version > NEWEST_VERSION) {
      throw new HeaderFault(`has GGUF version ${version}, which is not supported`);
    }
    const tensors = this.#count("tensors");
    const entries = this.#count("metadata entries");
    if (tensors === 0) throw new HeaderFault("holds no tensors");
    for (let entry = 0; entry < entries; entry++) this.#entry();
    let lastOffset = 0;
    for (let tensor = 0; tensor < tensors; tensor++) lastOffset = Math.max(lastOffset, this.#tensor());
    if (this.#at + lastOffset > this.#fileSize) throw new HeaderFault("is cut off: a tensor lies behind its end");
  }

  #entry(): void {
    const key = this.#string();
    const type = this.#uint32();
    const layers = type === UINT32 && key.endsWith(".block_count") ? this.#bytes.readUInt32LE(this.#at) : undefined;
    if (layers !== undefined && (layers < 1 || layers > MOST_LAYERS)) throw new HeaderFault(`claims ${layers} layers`);
    this.#value(type);
  }

  #value(type: number): void {
    if (type === STRING) this.#string();
    else if (type === ARRAY) this.#array();
    else this.#skip(scalarBytes(type));
  }

  #array(): void {
    const type = this.#uint32();
    const length = this.#count("array items");
    if (type !== STRING) this.#skip(length * scalarBytes(type));
    else for (let item = 0; item < length; item++) this.#string();
  }

  #tensor(): number {
    const name = this.#string();
    const dimensions = this.#uint32();
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS)
      throw new HeaderFault(`tensor ${name} has ${dimensions} dimensions`);
    this.#skip(8 * dimensions + 4);
    return this.#count("bytes before a tensor");
  }

  #string(): string {
    const length = this.#count("text bytes");
    const from = this.#at;
    this.#skip(length);
    return this.#bytes.toString("utf8", from, this.#at);
  }

  /** Nothing in a file can number more than its bytes. */
  #count(what: string): number {
    const value = this.#bytes.readBigUInt64LE(this.#at);
    this.#at += 8;
    if (value > BigInt(this.#fileSize)) throw new HeaderFault(`claims ${value} ${what}`);
    return Number(value);
  }

  #uint32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  #skip(length: number): void {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("past the end of the bytes");
  }
}

function scalarBytes(type: number): number {
  const bytes = SCALAR_BYTES[type];
  if (bytes === undefined) throw new HeaderFault(`uses the unknown value type ${type}`);
  return bytes;
}
