import { hash } from "node:crypto";

const HEADER_BYTES = 80;

/** The fields of one `mining.notify`, as Stratum writes them: hex strings, the previous hash with swapped words. */
export interface NotifyFields {
  readonly id: string;
  readonly prevHash: string;
  readonly coinb1: string;
  readonly coinb2: string;
  readonly branches: readonly string[];
  readonly version: string;
  readonly nbits: string;
  readonly ntime: string;
  readonly cleanJobs: boolean;
}

/** What a miner sends in one `mining.submit`, hex as on the wire; `versionBits` only with version rolling. */
export interface SubmitFields {
  readonly job: string;
  readonly extranonce2: string;
  readonly ntime: string;
  readonly nonce: string;
  readonly versionBits?: string;
}

const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, { outputEncoding: "buffer" });
/** Double SHA-256 of bytes of any length, in header order. */
export const doubleSha256 = (bytes: Uint8Array): Buffer => sha256(sha256(bytes));

/** Reverses the bytes inside each 4-byte word: how Stratum writes the previous hash. Its own inverse. */
export const swapWords = (bytes: Uint8Array): Buffer => Buffer.from(bytes).swap32();

/** A hash in header order as explorers show it. */
export const toDisplayHash = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString("hex");
/** The inverse of `toDisplayHash`. */
export const fromDisplayHash = (hex: string): Buffer => Buffer.from(hex, "hex").reverse();

const pairHash = (left: Uint8Array, right: Uint8Array): Buffer => doubleSha256(Buffer.concat([left, right]));

/** The root over transaction hashes in header order; a lone last one pairs with itself. */
export function merkleRootOf(hashes: readonly Uint8Array[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let i = 0; i < row.length; i += 2) above.push(pairAt(row, i));
    row = above;
  }
  return Buffer.from(row[0] ?? Buffer.alloc(32));
}

function pairAt(row: readonly Uint8Array[], i: number): Buffer {
  const left = row[i] ?? Buffer.alloc(32);
  return pairHash(left, row[i + 1] ?? left);
}

/** The hashes a miner combines with its coinbase, level by level, given all other transactions in block order. */
export function merkleBranches(others: readonly Uint8Array[]): Buffer[] {
  const branches: Buffer[] = [];
  let row: readonly Uint8Array[] = others;
  while (row.length > 0) {
    branches.push(Buffer.from(row[0] ?? Buffer.alloc(32)));
    const above: Buffer[] = [];
    for (let i = 1; i < row.length; i += 2) above.push(pairAt(row, i));
    row = above;
  }
  return branches;
}

/** The root from the coinbase's hash and the job's branches. */
export const rootFromBranches = (coinbaseHash: Uint8Array, branches: readonly string[]): Buffer =>
  branches.reduce<Buffer>((root, branch) => pairHash(root, Buffer.from(branch, "hex")), Buffer.from(coinbaseHash));

export const buildCoinbase = (job: NotifyFields, extranonce1: string, extranonce2: string): Buffer =>
  Buffer.from(job.coinb1 + extranonce1 + extranonce2 + job.coinb2, "hex");

export interface HeaderFields {
  readonly version: number;
  /** 32 bytes in header order. */
  readonly prevHash: Uint8Array;
  readonly merkleRoot: Uint8Array;
  readonly ntime: number;
  readonly bits: number;
  readonly nonce: number;
}

/** The 80 bytes that are hashed. */
export function writeHeader(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(fields.version >>> 0, 0);
  header.set(fields.prevHash, 4);
  header.set(fields.merkleRoot, 36);
  header.writeUInt32LE(fields.ntime, 68);
  header.writeUInt32LE(fields.bits, 72);
  header.writeUInt32LE(fields.nonce, 76);
  return header;
}

const word = (hex: string): number => Number.parseInt(hex, 16);

/** The version a share was made with: the job's, its masked bits replaced by the submitted ones. */
export function rolledVersion(job: NotifyFields, submit: SubmitFields, mask: number): number {
  const version = word(job.version);
  if (submit.versionBits === undefined) return version;
  return ((version & ~mask) | (word(submit.versionBits) & mask)) >>> 0;
}

/** The header behind a submitted share, rebuilt from the job as it was sent. */
export function rebuildHeader(job: NotifyFields, extranonce1: string, submit: SubmitFields, mask = 0): Buffer {
  const coinbase = buildCoinbase(job, extranonce1, submit.extranonce2);
  return writeHeader({
    version: rolledVersion(job, submit, mask),
    prevHash: swapWords(Buffer.from(job.prevHash, "hex")),
    merkleRoot: rootFromBranches(doubleSha256(coinbase), job.branches),
    ntime: word(submit.ntime),
    bits: word(job.nbits),
    nonce: word(submit.nonce),
  });
}
