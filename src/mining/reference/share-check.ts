import type { UnixMs } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { REFUSALS } from "../stratum/verdict.ts";
import { buildCoinbase, rebuildHeader, type SubmitFields } from "./header.ts";
import { EXTRANONCE2_BYTES, type FoundBlock, type PoolWork } from "./pool-work.ts";
import { meetsBits } from "./target.ts";

/** How far a miner may roll the time of its work. */
const MAX_ROLL_S = 600;

export type RefusalName = keyof typeof REFUSALS;

export type ShareCheck =
  | { readonly kind: "accepted"; readonly block?: FoundBlock }
  | { readonly kind: "refused"; readonly name: RefusalName; readonly message: string };

/** The terms of a share: the work as this connection got it. */
export interface ShareTerms {
  readonly work: PoolWork;
  readonly difficulty: Difficulty;
  readonly extranonce1: string;
  readonly mask: number;
}

export const refused = (name: RefusalName, message: string): ShareCheck => ({ kind: "refused", name, message });

/** Rebuilds the header behind a share and judges it; an accepted one is remembered, so that it counts once. */
export function checkShare(submit: SubmitFields, terms: ShareTerms, now: UnixMs): ShareCheck {
  const { work, difficulty, extranonce1, mask } = terms;
  if (submit.extranonce2.length !== 2 * EXTRANONCE2_BYTES)
    return refused("other", `extranonce2 is not ${EXTRANONCE2_BYTES} bytes of hex`);
  const ntime = Number.parseInt(submit.ntime, 16);
  if (ntime < work.ntime || ntime > Math.min(work.ntime + MAX_ROLL_S, now / 1000 + MAX_ROLL_S))
    return refused("other", "ntime is out of range");
  if (submit.versionBits !== undefined && (Number.parseInt(submit.versionBits, 16) & ~mask) !== 0)
    return refused("other", "version bits lie outside the mask");
  const fields = { ...work.fields, id: submit.job, cleanJobs: false };
  const header = rebuildHeader(fields, extranonce1, submit, mask);
  const key = header.toString("latin1", 36) + header.toString("latin1", 0, 4);
  if (work.seen.has(key)) return refused("duplicate", "Duplicate share");
  const hash = work.pow.hash(header);
  if (!work.pow.meets(hash, difficulty)) return refused("lowDifficulty", "Low difficulty share");
  work.seen.add(key);
  if (!meetsBits(hash, work.bits)) return { kind: "accepted" };
  return { kind: "accepted", block: { header, coinbase: buildCoinbase(fields, extranonce1, submit.extranonce2) } };
}
