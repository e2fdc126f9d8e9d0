import type { Rung } from "../ledger/rows.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import { after, elapsed, minutes, type UnixMs } from "../units/time.ts";
import { fits, type VramFacts } from "./vram-book.ts";

/** How the loser of a handover is treated: it stays (`freeze`), sleeps, or is stopped (`warm`). */
export type Residence = Extract<Rung, "freeze" | "sleep" | "warm">;

export interface LadderFacts {
  readonly vram: VramFacts;
  readonly canSleep: boolean;
  /** Free memory of the machine, which takes the weights of an engine that sleeps. */
  readonly hostFreeMiB: number;
}

export interface Choice {
  readonly rung: Residence;
  /** One sentence for people. */
  readonly why: string;
}

/** The cheapest rung that the measured facts allow and that did not fail lately. */
export function chooseRung(facts: LadderFacts, isBarred: (rung: Residence) => boolean): Choice {
  const { vram, canSleep, hostFreeMiB } = facts;
  const both = vram.total === undefined ? true : fits(vram, [vram.miner, vram.engine]);
  if (both === true && !isBarred("freeze")) return { rung: "freeze", why: "both sides fit into memory together" };
  const asleep = fits(vram, [vram.miner, vram.engineAsleep ?? USUAL_RESIDUE]);
  const hasRoom = vram.engine !== undefined && hostFreeMiB >= vram.engine;
  if (canSleep && asleep === true && hasRoom && !isBarred("sleep"))
    return { rung: "sleep", why: "the engine can sleep while the miner runs" };
  if (both === true) return { rung: "warm", why: "a cheaper rung failed lately" };
  if (both === undefined) return { rung: "warm", why: "what each side needs of the card's memory is not measured yet" };
  return { rung: "warm", why: "miner and model do not fit into the card's memory together" };
}

/** What engines were seen to keep in their sleep, and some more. */
const USUAL_RESIDUE = 1536;

const FIRST_BAR = minutes(2);
const LONGEST_BAR = minutes(120);

/** The rungs that failed lately, each barred for a growing while. Owned by the GPU's loop. */
export class Bars {
  readonly #until = new Map<Residence, { readonly backoff: Backoff; until: UnixMs }>();

  failed(rung: Residence, now: UnixMs): void {
    const entry = this.#until.get(rung) ?? { backoff: createBackoff(FIRST_BAR, LONGEST_BAR), until: now };
    entry.until = after(now, entry.backoff.next());
    this.#until.set(rung, entry);
  }

  succeeded(rung: Residence): void {
    this.#until.delete(rung);
  }

  isBarred(rung: Residence, now: UnixMs): boolean {
    const entry = this.#until.get(rung);
    return entry !== undefined && elapsed(now, entry.until) > 0;
  }
}
