import type { GpuUuid } from "../ledger/rows.ts";
import { after, elapsed, type Millis, type UnixMs } from "../units/time.ts";
import type { ExternalProgram } from "../workloads/external/program.ts";

/** Who has a GPU that is not ours to use as we like. */
export type Tenant =
  /** Somebody else's, or not known yet: nothing of ours may run. */
  | {
      readonly kind: "theirs";
      readonly name: string;
      readonly words: string;
      readonly until?: UnixMs;
      /** Nobody was seen on the GPU either: what rests there stays as it is. */
      readonly isUnasked?: true;
    }
  /** Over, and the GPU is left alone for a while. */
  | { readonly kind: "cooling"; readonly name: string; readonly words: string; readonly until: UnixMs }
  /** Ours to end, unless `keeps` says why not. */
  | { readonly kind: "started"; readonly name: string; readonly words: string; readonly keeps?: string };

/** What an external workload says of itself. */
export type Teller = Pick<
  ExternalProgram,
  "busy" | "lastBusy" | "usedAt" | "canTellBusy" | "isAsked" | "earnings" | "complaint"
>;

/** Whether what was started here may be ended, in words. */
export function standingOf(
  name: string,
  teller: Pick<Teller, "busy" | "canTellBusy" | "complaint">,
): { readonly words: string; readonly keeps?: string } {
  const { busy, canTellBusy } = teller;
  if (busy === true) {
    const words = `${name} says that a customer uses it`;
    return { words, keeps: words };
  }
  if (busy === false) return { words: `${name} runs, and no customer uses it` };
  if (!canTellBusy) return { words: `${name} runs` };
  const words = `${name} does not say whether a customer uses it${complaintOf(teller)}, so it is left alone`;
  return { words, keeps: words };
}

/** One that may run, because an earlier agent left it or its start failed here. */
export const sayAsking = (name: string, failure: string | undefined): string =>
  failure === undefined ? `asking ${name} whether it still runs` : `${failure}; asking whether it runs all the same`;

/** After its end the GPU is left alone until then. */
export function coolingOf(name: string, until: UnixMs | undefined, now: UnixMs): Tenant | undefined {
  if (until === undefined || elapsed(now, until) <= 0) return undefined;
  return { kind: "cooling", name, words: `${name} has ended`, until };
}

interface OwnerFacts {
  /** Whether its customer was there when an earlier agent ended. */
  readonly isLeft: boolean;
  readonly coolDown: Millis;
  readonly now: UnixMs;
}

/** Whether one that comes and goes by itself has the GPU. One that cannot be asked any more has not left. */
export function ownerOf(name: string, teller: Teller, { isLeft, coolDown, now }: OwnerFacts): Tenant | undefined {
  const { busy, lastBusy, usedAt, isAsked } = teller;
  const theirs = { kind: "theirs", name } as const;
  if (busy === true) return { ...theirs, words: `${name} says that a customer uses the GPU` };
  if (lastBusy === true || (isLeft && lastBusy === undefined))
    return { ...theirs, words: `${name} no longer says whether its customer has left${complaintOf(teller)}` };
  if (!isAsked) return { ...theirs, words: `asking ${name} whether a customer uses the GPU`, isUnasked: true };
  const until = usedAt === undefined ? undefined : after(usedAt, coolDown);
  if (until === undefined || elapsed(now, until) <= 0) return undefined;
  return { ...theirs, words: `${name} says that its customer has left`, until };
}

interface Incomplete {
  readonly name: string;
  readonly gpus: readonly GpuUuid[];
  readonly missing: readonly GpuUuid[];
}

/** Why a set is not called; `away` says of its GPUs why they cannot come, where that is not for the money. */
export function sayIncomplete({ name, gpus, missing }: Incomplete, away: ReadonlyMap<GpuUuid, string>): string {
  const poorer = missing.filter((gpu) => !away.has(gpu)).join(", ");
  const words = missing.flatMap((gpu) => (away.has(gpu) ? `${gpu} is not free for it: ${away.get(gpu)}` : []));
  if (poorer !== "") words.unshift(`${poorer} would earn less with it`);
  return `${name} takes all of ${gpus.length} GPUs or none, and ${words.join(", ")}`;
}

const complaintOf = ({ complaint }: Pick<Teller, "complaint">): string =>
  complaint === undefined ? "" : ` (${complaint})`;
