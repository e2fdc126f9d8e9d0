import type { Contradiction } from "../ledger/contradictions.ts";
import type { Violation } from "../ledger/energy.ts";
import { LedgerError } from "../ledger/errors.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { UnixMs } from "../units/time.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { sayAmount, sayTime } from "./wording.ts";

export interface LedgerVerifyOptions extends LocationOptions {
  readonly json?: true;
}

/**
 * Adds up every slot, job and counter of the ledger and holds labels and windows against what was booked; throws
 * `ERR_LEDGER_CONSERVATION` when a sum differs by a millijoule or two rows contradict each other.
 */
export function ledgerVerify(options: LedgerVerifyOptions, context: CliContext): void {
  const dataDir = findDataDir(options, context);
  const ledger = openLedgerReadOnly(dataDir);
  try {
    const { slots, gpus, jobs } = ledger.energy.extent();
    const violations = [...ledger.energy.verifyConservation(), ...ledger.energy.contradictions()];
    if (options.json) {
      printJson(context, { slots, gpus, jobs, holds: violations.length === 0, violations: violations.map(toView) });
    } else if (violations.length === 0) {
      const what = `${sayAmount(slots, "slot")} of ${sayAmount(gpus, "GPU")} and ${sayAmount(jobs, "job")}`;
      context.print(`${what}: every millijoule adds up\n`);
    } else context.print(violations.map((one) => `${toLine(one)}\n`).join(""));
    if (violations.length > 0) throw fault(violations.length);
  } finally {
    ledger.close();
  }
}

const fault = (count: number): LedgerError =>
  new LedgerError(`${count} ${count === 1 ? "thing does" : "things do"} not add up`, {
    code: "ERR_LEDGER_CONSERVATION",
    mend: "keep a copy of ledger.sqlite and report the list; something other than Rigshift may have written to it",
  });

function toView(violation: Violation | Contradiction) {
  const { kind } = violation;
  switch (kind) {
    case "slot":
    case "stretch": {
      const { gpu, slotStart, booked, measured } = violation;
      return { kind, gpu, slotStartMs: slotStart, bookedMj: booked, measuredMj: measured };
    }
    case "counter": {
      const { gpu, slotStart, epoch, booked, counted } = violation;
      return { kind, gpu, slotStartMs: slotStart, epoch, bookedMj: booked, countedMj: counted };
    }
    case "overlap": {
      const { gpu, slotStart, epoch, overlap } = violation;
      return { kind, gpu, slotStartMs: slotStart, epoch, overlapMj: overlap };
    }
    case "job":
    case "window":
      return { kind, jobId: violation.jobId, bookedMj: violation.booked, totalMj: violation.total };
    case "contradiction": {
      const { gpu, slotStart, jobId, what } = violation;
      return { kind, gpu, slotStartMs: slotStart, jobId, what };
    }
  }
}

function toLine(violation: Violation | Contradiction): string {
  switch (violation.kind) {
    case "slot":
      return `${slotOf(violation)}: ${against(violation.booked, "booked", violation.measured, "measured")}`;
    case "stretch":
      return `${slotOf(violation)}: ${against(violation.booked, "in its stretches", violation.measured, "measured")}`;
    case "counter":
      return `${slotOf(violation)}: ${against(violation.booked, "booked as counted", violation.counted, "on the counter")}`;
    case "overlap":
      return `${slotOf(violation)}: ${violation.overlap} mJ of its counter are booked twice (epoch ${violation.epoch})`;
    case "job":
      return `job ${violation.jobId}: ${against(violation.booked, "in its slots", violation.total, "in its total")}`;
    case "window":
      return `job ${violation.jobId}: ${against(violation.booked, "in its windows", violation.total, "in its total")}`;
    case "contradiction":
      return `${subjectOf(violation)} ${violation.what}`;
  }
}

/** The job comes first, then when, then where. */
function subjectOf({ jobId, slotStart, gpu }: Contradiction): string {
  const job = jobId ? [`job ${jobId}`] : [];
  const slot = slotStart === null ? [] : [`slot ${sayTime(slotStart)}`];
  const card = gpu === null ? [] : [`${slotStart === null ? "on" : "of"} ${gpu}`];
  return [...job, ...slot, ...card].join(" ");
}

const slotOf = ({ gpu, slotStart }: { readonly gpu: string; readonly slotStart: UnixMs }): string =>
  `slot ${sayTime(slotStart)} of ${gpu}`;

function against(one: number, where: string, other: number, there: string): string {
  return `${one} mJ ${where}, ${other} mJ ${there} (${signed(one - other)})`;
}

const signed = (difference: number): string => `${difference > 0 ? "+" : ""}${difference} mJ`;
