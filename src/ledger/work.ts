import type { Workload } from "./rows.ts";

/** One thing a GPU may do: its kind and, where there are several of that kind, which, such as a flight sheet's name. */
export interface Work {
  readonly workload: Workload;
  readonly name?: string;
}

export const RESTING: Work = { workload: "none" };
export const INFERENCE: Work = { workload: "inference" };

export const isSameWork = (one: Work, other: Work): boolean =>
  one.workload === other.workload && one.name === other.name;

/** Just these two fields of something that has more. */
export const toWork = ({ workload, name }: Work): Work => ({ workload, ...(name === undefined ? {} : { name }) });

/** From one to the other, as rows of the ledger have it. */
export const toRoute = (from: Work, to: Work) => ({
  from: from.workload,
  ...(from.name === undefined ? {} : { fromName: from.name }),
  to: to.workload,
  ...(to.name === undefined ? {} : { toName: to.name }),
});

/** The same for equal work only; also what people are told. */
export const sayWork = ({ workload, name }: Work): string => (name === undefined ? workload : `${workload} ${name}`);
