import type { Violation } from "../ledger/energy.ts";
import { LedgerError } from "../ledger/errors.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { sayAmount, sayTime } from "./wording.ts";

export interface LedgerVerifyOptions extends LocationOptions {
  readonly json?: true;
}

/** Adds up every slot and job of the ledger; throws `ERR_LEDGER_CONSERVATION` when one differs by a millijoule. */
export function ledgerVerify(options: LedgerVerifyOptions, context: CliContext): void {
  const dataDir = findDataDir(options, context);
  const ledger = openLedgerReadOnly(dataDir);
  try {
    const { slots, gpus, jobs } = ledger.energy.extent();
    const violations = ledger.energy.verifyConservation();
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
  new LedgerError(`${count} ${count === 1 ? "sum does" : "sums do"} not add up`, {
    code: "ERR_LEDGER_CONSERVATION",
    mend: "keep a copy of ledger.sqlite and report the list; something other than Rigshift may have written to it",
  });

const toView = (violation: Violation) =>
  violation.kind === "slot"
    ? {
        kind: violation.kind,
        gpu: violation.gpu,
        slotStartMs: violation.slotStart,
        bookedMj: violation.booked,
        measuredMj: violation.measured,
      }
    : { kind: violation.kind, jobId: violation.jobId, bookedMj: violation.booked, totalMj: violation.total };

function toLine(violation: Violation): string {
  const { booked } = violation;
  switch (violation.kind) {
    case "slot": {
      const { gpu, slotStart, measured } = violation;
      return `slot ${sayTime(slotStart)} of ${gpu}: ${booked} mJ booked, ${measured} mJ measured (${signed(booked - measured)})`;
    }
    case "job":
      return `job ${violation.jobId}: ${booked} mJ in its slots, ${violation.total} mJ in its total (${signed(booked - violation.total)})`;
    case "window":
      return `job ${violation.jobId}: ${booked} mJ in its windows, ${violation.total} mJ in its total (${signed(booked - violation.total)})`;
  }
}

const signed = (difference: number): string => `${difference > 0 ? "+" : ""}${difference} mJ`;
