import { type Difficulty, difficulty } from "../../units/work.ts";
import type { NotifyFields } from "../reference/header.ts";
import type { Extranonce } from "./parser.ts";

/** One `mining.notify` with the terms it was sent under: later announcements do not change them. */
export interface StratumJob extends NotifyFields {
  readonly difficulty: Difficulty;
  readonly extranonce1: string;
}

/** The current job and a few before it: late shares are still judged by the terms of their own job. */
const KEPT_JOBS = 4;

/** What a pool has announced on one connection. A new difficulty or extranonce counts from the next job on. */
export class JobBook {
  readonly #jobs: StratumJob[] = [];
  #difficulty: Difficulty = difficulty(1);
  #extranonce: Extranonce | undefined;

  get difficulty(): Difficulty {
    return this.#difficulty;
  }

  get extranonce(): Extranonce | undefined {
    return this.#extranonce;
  }

  get current(): StratumJob | undefined {
    return this.#jobs.at(-1);
  }

  announceDifficulty(value: Difficulty): void {
    this.#difficulty = value;
  }

  announceExtranonce(value: Extranonce): void {
    this.#extranonce = value;
  }

  add(fields: NotifyFields): void {
    const extranonce1 = this.#extranonce?.extranonce1 ?? "";
    this.#jobs.push({ ...fields, difficulty: this.#difficulty, extranonce1 });
    if (this.#jobs.length > KEPT_JOBS) this.#jobs.shift();
  }

  /** The newest job of that id: a pool may send one id again under new terms. */
  find(id: string): StratumJob | undefined {
    return this.#jobs.findLast((job) => job.id === id);
  }
}
