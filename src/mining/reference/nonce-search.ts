import type { Difficulty } from "../../units/work.ts";
import { hexWord } from "../stratum/bitcoin-v1-lines.ts";
import type { Extranonce } from "../stratum/parser.ts";
import { type NotifyFields, rebuildHeader, type SubmitFields } from "./header.ts";
import { HeaderScanner } from "./sha256d.ts";
import { meetsDifficulty, toTopLimit } from "./target.ts";

const NONCES = 2 ** 32;

/** A job with the terms it was sent under. */
export interface MinerJob {
  readonly fields: NotifyFields;
  readonly extranonce: Extranonce;
  readonly difficulty: Difficulty;
}

/** Hands out extranonce2 values: every `stride`-th from `first`, never one twice, so that workers never overlap. */
export class ExtranonceCounter {
  readonly #stride: bigint;
  #next: bigint;

  constructor(first: number, stride: number) {
    this.#next = BigInt(first);
    this.#stride = BigInt(stride);
  }

  /** `size` bytes of hex; wraps when the size holds no more. */
  take(size: number): string {
    const value = this.#next % 256n ** BigInt(size);
    this.#next += this.#stride;
    return value.toString(16).padStart(2 * size, "0");
  }
}

/** One worker's walk through one job: all nonces of one extranonce2, then the next. */
export class NonceSearch {
  readonly #job: MinerJob;
  readonly #counter: ExtranonceCounter;
  readonly #topLimit: number;
  #extranonce2 = "";
  #scanner: HeaderScanner | undefined;
  #nonce = 0;

  constructor(job: MinerJob, counter: ExtranonceCounter) {
    this.#job = job;
    this.#counter = counter;
    this.#topLimit = toTopLimit(job.difficulty);
  }

  /** Tries exactly `count` headers and returns the shares among them. */
  step(count: number): SubmitFields[] {
    const found: SubmitFields[] = [];
    let left = count;
    while (left > 0) {
      const scanner = this.#scanner ?? this.#advance();
      const run = Math.min(left, NONCES - this.#nonce);
      const nonce = scanner.scan(this.#nonce, run, this.#topLimit);
      const next = nonce === undefined ? this.#nonce + run : nonce + 1;
      if (nonce !== undefined && meetsDifficulty(scanner.hash(nonce), this.#job.difficulty))
        found.push(this.#submit(nonce));
      left -= next - this.#nonce;
      this.#nonce = next;
      if (next === NONCES) this.#scanner = undefined;
    }
    return found;
  }

  #advance(): HeaderScanner {
    const { fields, extranonce } = this.#job;
    this.#extranonce2 = this.#counter.take(extranonce.extranonce2Size);
    this.#nonce = 0;
    this.#scanner = new HeaderScanner(rebuildHeader(fields, extranonce.extranonce1, this.#submit(0)));
    return this.#scanner;
  }

  #submit(nonce: number): SubmitFields {
    const { id, ntime } = this.#job.fields;
    return { job: id, extranonce2: this.#extranonce2, ntime, nonce: hexWord(nonce) };
  }
}
