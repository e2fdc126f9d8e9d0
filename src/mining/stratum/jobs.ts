import { type Difficulty, difficulty } from "../../units/work.ts";
import type { NotifyFields } from "../reference/header.ts";
import type { Line, Terms } from "./dialect.ts";
import type { Extranonce } from "./parser.ts";

/** The terms a job was sent under: later announcements do not change them. */
export interface JobTerms {
  readonly difficulty: Difficulty;
  readonly extranonce1: string;
}

/** One `mining.notify` with its terms. */
export type StratumJob = NotifyFields & JobTerms;

interface Identified {
  readonly id: string;
  readonly alsoIds?: readonly string[];
  /** Where the job brings its own. */
  readonly difficulty?: Difficulty;
}

/** Half an hour of Bitcoin's jobs, six seconds of Kaspa's. */
const KEPT_JOBS = 64;
const FIRST_TERMS: Terms = { difficulty: difficulty(1) };

/**
 * What a pool has announced on one connection: the current job and 63 before it, so that late shares are still
 * judged by the terms of their own job. A new difficulty or extranonce counts from the next job on.
 */
export class JobBook<Fields extends Identified = NotifyFields> {
  readonly #jobs: (Fields & JobTerms)[] = [];
  /** Never changed, but replaced: jobs share them. */
  #terms: Terms = FIRST_TERMS;
  #currentTerms: Terms = FIRST_TERMS;
  #lowest: Difficulty | undefined;

  get difficulty(): Difficulty {
    return this.#terms.difficulty;
  }

  /** The lowest ever said here: what a share of a job that is not known any more proves at least. */
  get lowestDifficulty(): Difficulty {
    return this.#lowest ?? this.difficulty;
  }

  get extranonce(): Extranonce | undefined {
    return this.#terms.extranonce;
  }

  /** Those that the next job will have. */
  get terms(): Terms {
    return this.#terms;
  }

  /** Those of the current job. */
  get currentTerms(): Terms {
    return this.#currentTerms;
  }

  get current(): (Fields & JobTerms) | undefined {
    return this.#jobs.at(-1);
  }

  announceDifficulty(value: Difficulty, line?: Line): void {
    this.#terms = { ...this.#terms, difficulty: value, difficultyLine: line };
    if (this.#lowest === undefined || value < this.#lowest) this.#lowest = value;
  }

  announceExtranonce(value: Extranonce, line?: Line): void {
    this.#terms = { ...this.#terms, extranonce: value, extranonceLine: line };
  }

  add(fields: Fields): void {
    const own = fields.difficulty;
    if (own !== undefined && (own !== this.difficulty || this.#lowest === undefined)) this.announceDifficulty(own);
    this.#currentTerms = this.#terms;
    const extranonce1 = this.extranonce?.extranonce1 ?? "";
    this.#jobs.push({ ...fields, difficulty: this.difficulty, extranonce1 });
    if (this.#jobs.length > KEPT_JOBS) this.#jobs.shift();
  }

  /** The newest job of that id: a pool may send one id again under new terms. */
  find(id: string): (Fields & JobTerms) | undefined {
    return this.#jobs.findLast((job) => job.id === id || job.alsoIds?.includes(id));
  }
}
