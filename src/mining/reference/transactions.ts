import { doubleSha256 } from "./header.ts";

const SEQUENCE = Buffer.alloc(4, 0xff);
const NO_LOCK = Buffer.alloc(4);
const VERSION = Buffer.from("01000000", "hex");
const NULL_OUTPOINT = Buffer.concat([Buffer.alloc(32), Buffer.alloc(4, 0xff)]);
const TAG = Buffer.from("/rigshift devpool/", "ascii");
/** Anyone may spend: the coins of this chain are worth nothing. */
const OP_TRUE = Buffer.from([0x51]);

/** A script push of `data`, at most 75 bytes. */
const push = (data: Uint8Array): Buffer => Buffer.concat([Buffer.from([data.length]), data]);

/** BIP 34: the height as the coinbase's first push, a minimal little-endian script number. */
export function heightPush(height: number): Buffer {
  if (height === 0) return Buffer.from([0]);
  if (height <= 16) return Buffer.from([0x50 + height]);
  const bytes: number[] = [];
  for (let rest = height; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  // A set top bit would make the number negative.
  if ((bytes.at(-1) ?? 0) >= 0x80) bytes.push(0);
  return push(Buffer.from(bytes));
}

/** One output of a transaction: `value` in the coin's smallest unit. */
export function output(value: bigint, script: Uint8Array): Buffer {
  const amount = Buffer.alloc(8);
  amount.writeBigUInt64LE(value);
  return Buffer.concat([amount, push(script)]);
}

/** Fifty coins to nobody in particular. */
const WORTHLESS: readonly Uint8Array[] = [output(50n * 100_000_000n, OP_TRUE)];

/** The coinbase around the gap that extranonce1 and extranonce2, `extranonceBytes` together, will fill. */
export function coinbaseHalves(
  height: number,
  extranonceBytes: number,
  outputs: readonly Uint8Array[] = WORTHLESS,
): { readonly before: Buffer; readonly after: Buffer } {
  const head = heightPush(height);
  const scriptLength = head.length + 1 + extranonceBytes + TAG.length;
  const before = [VERSION, [1], NULL_OUTPOINT, [scriptLength], head, [extranonceBytes]];
  const after = [TAG, SEQUENCE, [outputs.length], ...outputs, NO_LOCK];
  return { before: join(before), after: join(after) };
}

/** The coinbase as a block with witnesses carries it (BIP 144, BIP 141): its one witness is 32 zero bytes. */
export function withWitness(coinbase: Uint8Array): Buffer {
  const witness = [1, 32, ...Buffer.alloc(32)];
  return join([coinbase.subarray(0, 4), [0, 1], coinbase.subarray(4, -4), witness, coinbase.subarray(-4)]);
}

/** A count as the Bitcoin protocol writes it, up to 2^32 - 1. */
export function compactSize(count: number): Buffer {
  if (count < 0xfd) return Buffer.from([count]);
  const size = Buffer.alloc(count <= 0xffff ? 3 : 5);
  size[0] = count <= 0xffff ? 0xfd : 0xfe;
  size.writeUIntLE(count, 1, size.length - 1);
  return size;
}

const join = (parts: readonly (Uint8Array | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Uint8Array.from(part)));

/** A well-formed transaction that spends an output nobody made: it gives the chain's merkle trees some depth. */
export function syntheticTransaction(height: number, index: number): Buffer {
  const spent = doubleSha256(Buffer.from(`devcoin ${height} ${index}`));
  const outpoint = Buffer.concat([spent, Buffer.alloc(4)]);
  return join([VERSION, [1], outpoint, push(OP_TRUE), SEQUENCE, [1], output(BigInt(1000 + index), OP_TRUE), NO_LOCK]);
}

/** How many synthetic transactions the block at `height` carries: 1 to 12, the same on every run. */
export const syntheticCount = (height: number): number => 1 + ((height * 7) % 12);
