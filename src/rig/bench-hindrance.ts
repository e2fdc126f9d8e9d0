import type { UnixMs } from "../units/time.ts";
import { RigStateError } from "./errors.ts";
import { hasGone } from "./flight-sheets.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { GpuSnapshot } from "./snapshot.ts";

export interface HindranceParts extends Pick<LoopParts, "ledger" | "clock" | "info" | "shed" | "tenancies" | "mining"> {
  readonly look: () => GpuSnapshot;
}

/** Throws where somebody else has a say in a benchmark of `began`: the operator's newer order, a guest, a customer, or want of power. */
export function refuseHindered(parts: HindranceParts, began: UnixMs): void {
  const { ledger, clock, info, shed } = parts;
  const order = ledger.modes.current(clock.now(), info.uuid);
  const why =
    order !== undefined && order.at > began ? `the operator set mode ${order.mode}` : (shed() ?? whoHas(parts));
  if (why === undefined) return;
  const facts = { code: "ERR_BENCH_ENDED", gpu: info.uuid, mend: "measure again once that is over" } as const;
  throw new RigStateError(`the GPU cannot be measured: ${why}`, facts);
}

/** Throws where the pools of what is to be hashed, any sheet where none is named, have been away for longer than a miner waits. */
export function refuseAway({ mining, clock, info }: HindranceParts, sheet: string | undefined): void {
  const sheets = (mining?.all ?? []).filter(({ name }) => name === (sheet ?? name));
  const gone = sheets.flatMap((one) => {
    const away = one.poolAway();
    return away !== undefined && hasGone(away, clock.now()) ? [{ ...away, sheet: one.name }] : [];
  });
  if (gone.length === 0 || gone.length < sheets.length) return;
  const what = gone.map(
    ({ sheet: name, url, reason }) => `${name} cannot be measured: its pool ${url} has been away for 30 s: ${reason}`,
  );
  const mend = "see `rigshift pools check`, and measure another flight sheet, or again once the pool is back";
  throw new RigStateError(what.join("; "), { code: "ERR_BENCH_POOL", gpu: info.uuid, mend });
}

/** Whoever has the GPU and is not ours to end. */
function whoHas({ look, tenancies }: HindranceParts): string | undefined {
  const { workload, why } = look();
  const { tenant } = tenancies;
  if (tenant?.kind === "started") return tenant.keeps;
  if (tenant?.kind === "theirs" && tenant.until === undefined && tenant.isUnasked !== true) return tenant.words;
  // What has just ended hands the GPU over with its next look.
  return workload === "external" && tenant?.kind !== "cooling" ? why : undefined;
}
