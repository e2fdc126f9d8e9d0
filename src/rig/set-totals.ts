import { worseQuality } from "../ledger/quality.ts";
import type { GpuUuid, JobTotals } from "../ledger/rows.ts";
import { milliJoules } from "../units/energy.ts";
import { addUsd } from "../units/money.ts";

/** Jobs that are remembered after their end, for what is booked late. */
const REMEMBERED = 64;

/** Adds up what the GPUs of a set have used for one job, of which each GPU's meter knows only its own part. */
export class SetTotals {
  readonly #jobs = new Map<string, Map<GpuUuid, JobTotals>>();

  /** From now on this job's parts are added up; those of any other job are told as they are. */
  open(jobId: string): void {
    this.#jobs.set(jobId, new Map());
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > REMEMBERED && oldest !== undefined) this.#jobs.delete(oldest);
  }

  /** Takes one GPU's part, which replaces its part of before; returns the job's. */
  add(jobId: string, gpu: GpuUuid, own: JobTotals): JobTotals {
    const parts = this.#jobs.get(jobId);
    if (parts === undefined) return own;
    parts.set(gpu, own);
    return [...parts.values()].reduce(addTotals);
  }
}

function addTotals(a: JobTotals, b: JobTotals): JobTotals {
  const [aWall, bWall] = [a.wallErrorPct, b.wallErrorPct];
  const wallErrorPct =
    aWall === undefined || bWall === undefined ? undefined : weighted([aWall, a.wallEnergy], [bWall, b.wallEnergy]);
  return {
    energy: milliJoules(a.energy + b.energy),
    quality: worseQuality(a.quality, b.quality),
    errorPct: weighted([a.errorPct, a.energy], [b.errorPct, b.energy]),
    wallEnergy: milliJoules(a.wallEnergy + b.wallEnergy),
    ...(wallErrorPct === undefined ? {} : { wallErrorPct }),
    electricity: addUsd(a.electricity, b.electricity),
  };
}

type Share = readonly [errorPct: number, energy: number];

/** Errors of two sensors are taken to point the same way. */
function weighted([a, ofA]: Share, [b, ofB]: Share): number {
  const total = ofA + ofB;
  return total > 0 ? (a * ofA + b * ofB) / total : Math.max(a, b);
}
