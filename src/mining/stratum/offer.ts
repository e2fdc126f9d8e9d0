import type { Offer, Terms } from "./dialect.ts";
import type { Extranonce } from "./parser.ts";

/** What a pool connection has for a miner: its newest job with the job's own terms, and the newest terms. */
export interface Work extends Pick<Offer, "job" | "terms"> {
  readonly newest: Terms;
  readonly mask: number;
}

/** What a miner heard last, from whichever connection. */
interface Told {
  readonly extranonce: Extranonce | undefined;
  readonly mask: number;
}

const NO_EXTRANONCE: Extranonce = { extranonce1: "", extranonce2Size: 0 };

/**
 * What a miner must be told to do that work. Shares are judged by the terms of their own job, so the job comes with
 * those, and after it whatever the pool has said since.
 */
export function toOffer({ job, terms, newest, mask }: Work, told: Told): Offer {
  const { difficulty, difficultyLine, extranonceLine, extranonce = NO_EXTRANONCE } = terms;
  const isMoved = !isSameExtranonce(told.extranonce, terms.extranonce);
  return {
    job,
    terms: { difficulty, difficultyLine, ...(isMoved && { extranonce, extranonceLine }) },
    next: toNext(terms, newest),
    ...(mask !== told.mask && { mask }),
  };
}

function toNext(terms: Terms, { difficulty, difficultyLine, extranonce, extranonceLine }: Terms): Partial<Terms> {
  return {
    ...(difficulty !== terms.difficulty && { difficulty, difficultyLine }),
    ...(!isSameExtranonce(extranonce, terms.extranonce) && { extranonce, extranonceLine }),
  };
}

/** Whether a miner that was told `a` works on under `b` without hearing of it. */
const isSameExtranonce = (a: Extranonce | undefined, b: Extranonce | undefined): boolean =>
  a?.extranonce1 === b?.extranonce1 && a?.extranonce2Size === b?.extranonce2Size;
