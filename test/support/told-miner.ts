import type { Announcement, Dialect, Job } from "../../src/mining/stratum/dialect.ts";

interface WorkedTerms {
  readonly difficulty: number;
  readonly extranonce1: string | undefined;
}

/** A miner that takes its pool at its word: a difficulty or an extranonce counts from the next job it hears of. */
export class ToldMiner {
  readonly #dialect: Dialect;
  readonly #steps = new Map<string, string>();
  #difficulty = 1;
  #extranonce1: string | undefined;
  /** What it works at: the last job it heard of, and the terms of that. */
  work: ({ readonly job: string } & WorkedTerms) | undefined;

  constructor(dialect: Dialect, login: readonly string[]) {
    this.#dialect = dialect;
    for (const line of login) {
      const message = dialect.parseMiner(Buffer.from(line));
      if (message.kind === "step") this.#steps.set(String(message.id), message.name);
    }
  }

  hear(...lines: string[]): void {
    for (const line of lines) for (const news of this.#newsIn(line)) this.#take(news);
  }

  #newsIn(line: string): readonly Announcement[] {
    const message = this.#dialect.parsePool(Buffer.from(line));
    switch (message.kind) {
      case "job":
      case "difficulty":
      case "extranonce":
        return [message];
      case "response": {
        const step = this.#steps.get(String(message.id));
        if (message.refusal) return [];
        if (step !== undefined) return this.#dialect.parseAnswer(step, message.result);
        const work = this.#dialect.parseUnasked?.(message.result);
        return work ? [work] : [];
      }
      default:
        return [];
    }
  }

  #take(news: Announcement): void {
    if (news.kind === "difficulty") this.#difficulty = news.difficulty;
    if (news.kind === "extranonce") this.#extranonce1 = news.extranonce.extranonce1;
    if (news.kind === "job") this.#start(news.job);
  }

  #start({ id, difficulty }: Job): void {
    this.#difficulty = difficulty ?? this.#difficulty;
    this.work = { job: id, difficulty: this.#difficulty, extranonce1: this.#extranonce1 };
  }
}
