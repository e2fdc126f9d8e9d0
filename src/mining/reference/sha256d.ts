const IV = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);
const K = roundConstants();
const NONCE_OFFSET = 76;
const HEADER_BYTES = 80;

/** SHA-256's round constants: the first 32 fraction bits of the cube roots of the first 64 primes. */
function roundConstants(): Int32Array {
  const constants: number[] = [];
  for (let n = 2; constants.length < 64; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) constants.push((Math.cbrt(n) % 1) * 2 ** 32);
  }
  return Int32Array.from(constants, (value) => value | 0);
}

/** Extends the first 16 words of `w` to the 64 of the message schedule. */
function schedule(w: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] ?? 0;
    const y = w[i - 2] ?? 0;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = ((w[i - 16] ?? 0) + (w[i - 7] ?? 0) + s0 + s1) | 0;
  }
}

const sum1 = (e: number): number => ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
const sum0 = (a: number): number => ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));

/** One compression of the block in `w[0..15]` onto `state`, result in `out`; destroys the rest of `w`. */
function compress(w: Int32Array, state: Int32Array, out: Int32Array): void {
  schedule(w);
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let e = state[4] ?? 0;
  let f = state[5] ?? 0;
  let g = state[6] ?? 0;
  let h = state[7] ?? 0;
  // Eight rounds a turn with rotated names: moves, or more calls than V8 inlines, halve the hashrate.
  for (let i = 0; i < 64; i += 8) {
    h = (h + sum1(e) + (g ^ (e & (f ^ g))) + (K[i] ?? 0) + (w[i] ?? 0)) | 0;
    d = (d + h) | 0;
    h = (h + sum0(a) + ((a & b) | (c & (a | b)))) | 0;
    g = (g + sum1(d) + (f ^ (d & (e ^ f))) + (K[i + 1] ?? 0) + (w[i + 1] ?? 0)) | 0;
    c = (c + g) | 0;
    g = (g + sum0(h) + ((h & a) | (b & (h | a)))) | 0;
    f = (f + sum1(c) + (e ^ (c & (d ^ e))) + (K[i + 2] ?? 0) + (w[i + 2] ?? 0)) | 0;
    b = (b + f) | 0;
    f = (f + sum0(g) + ((g & h) | (a & (g | h)))) | 0;
    e = (e + sum1(b) + (d ^ (b & (c ^ d))) + (K[i + 3] ?? 0) + (w[i + 3] ?? 0)) | 0;
    a = (a + e) | 0;
    e = (e + sum0(f) + ((f & g) | (h & (f | g)))) | 0;
    d = (d + sum1(a) + (c ^ (a & (b ^ c))) + (K[i + 4] ?? 0) + (w[i + 4] ?? 0)) | 0;
    h = (h + d) | 0;
    d = (d + sum0(e) + ((e & f) | (g & (e | f)))) | 0;
    c = (c + sum1(h) + (b ^ (h & (a ^ b))) + (K[i + 5] ?? 0) + (w[i + 5] ?? 0)) | 0;
    g = (g + c) | 0;
    c = (c + sum0(d) + ((d & e) | (f & (d | e)))) | 0;
    b = (b + sum1(g) + (a ^ (g & (h ^ a))) + (K[i + 6] ?? 0) + (w[i + 6] ?? 0)) | 0;
    f = (f + b) | 0;
    b = (b + sum0(c) + ((c & d) | (e & (c | d)))) | 0;
    a = (a + sum1(f) + (h ^ (f & (g ^ h))) + (K[i + 7] ?? 0) + (w[i + 7] ?? 0)) | 0;
    e = (e + a) | 0;
    a = (a + sum0(b) + ((b & c) | (d & (b | c)))) | 0;
  }
  out[0] = ((state[0] ?? 0) + a) | 0;
  out[1] = ((state[1] ?? 0) + b) | 0;
  out[2] = ((state[2] ?? 0) + c) | 0;
  out[3] = ((state[3] ?? 0) + d) | 0;
  out[4] = ((state[4] ?? 0) + e) | 0;
  out[5] = ((state[5] ?? 0) + f) | 0;
  out[6] = ((state[6] ?? 0) + g) | 0;
  out[7] = ((state[7] ?? 0) + h) | 0;
}

const swap = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);

/**
 * Double SHA-256 of one 80-byte block header under changing nonces, the first 64 bytes hashed once.
 * Not shared: each worker owns its own.
 */
export class HeaderScanner {
  readonly #midstate = new Int32Array(8);
  // The padding words never change: the schedule writes from word 16 on.
  readonly #second = paddedBlock(4, HEADER_BYTES * 8);
  readonly #outer = paddedBlock(8, 256);
  readonly #digest = new Int32Array(8);

  constructor(header: Uint8Array) {
    const view = viewOf(header);
    const first = new Int32Array(64);
    for (let i = 0; i < 16; i++) first[i] = view.getInt32(4 * i);
    compress(first, IV, this.#midstate);
    for (let i = 0; i < 3; i++) this.#second[i] = view.getInt32(64 + 4 * i);
  }

  /** The first of `count` nonces from `first` whose hash's top 32 bits are at most `topLimit`; undefined without one. */
  scan(first: number, count: number, topLimit: number): number | undefined {
    for (let i = 0; i < count; i++) {
      const nonce = (first + i) >>> 0;
      this.#run(nonce);
      if (swap(this.#digest[7] ?? 0) >>> 0 <= topLimit) return nonce;
    }
    return undefined;
  }

  /** The 32 hash bytes for `nonce`, in header order (the display order reversed). */
  hash(nonce: number): Uint8Array {
    this.#run(nonce);
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    this.#digest.forEach((word, i) => {
      view.setInt32(4 * i, word);
    });
    return bytes;
  }

  #run(nonce: number): void {
    this.#second[3] = swap(nonce);
    compress(this.#second, this.#midstate, this.#digest);
    this.#outer.set(this.#digest);
    compress(this.#outer, IV, this.#digest);
  }
}

function paddedBlock(words: number, bits: number): Int32Array {
  const block = new Int32Array(64);
  block[words] = 0x80000000;
  block[15] = bits;
  return block;
}

const viewOf = (header: Uint8Array): DataView => new DataView(header.buffer, header.byteOffset, HEADER_BYTES);

/** The double SHA-256 of an 80-byte block header, 32 bytes in header order. */
export const hashHeader = (header: Uint8Array): Uint8Array =>
  new HeaderScanner(header).hash(viewOf(header).getUint32(NONCE_OFFSET, true));
