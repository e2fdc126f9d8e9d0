import { UsageError } from "./errors.ts";

const STEPS = 6;
const MOST = 32;

/** `150,200,250`, `150-250` or `150-250/20` of a `--power-sweep`, and `usual` without a value; throws `ERR_USAGE`. */
export function parseLimits(value: string | true): "usual" | readonly number[] {
  if (value === true) return "usual";
  const range = /^(\d{1,4})-(\d{1,4})(?:\/(\d{1,4}))?$/.exec(value);
  const limits = range === null ? parseList(value) : spread(Number(range[1]), Number(range[2]), range[3]);
  if (limits.length > 0 && limits.length <= MOST && limits.every((limit) => limit > 0 && limit <= 5000)) return limits;
  throw new UsageError(`--power-sweep: got ${JSON.stringify(value)}`, {
    code: "ERR_USAGE",
    mend: "give watts such as 150,200,250, a range such as 150-250, one with its step such as 150-250/20, or nothing",
  });
}

const parseList = (value: string): readonly number[] =>
  /^\d{1,4}(,\d{1,4})*$/.test(value) ? value.split(",").map(Number) : [];

function spread(from: number, to: number, by: string | undefined): readonly number[] {
  const step = by === undefined ? Math.max(1, Math.round((to - from) / (STEPS - 1))) : Number(by);
  if (!(from < to) || !(step > 0)) return [];
  const count = Math.floor((to - from) / step) + 1;
  const limits = count > MOST ? [] : Array.from({ length: count }, (_, index) => from + index * step);
  return limits.length === 0 || limits.at(-1) === to ? limits : [...limits, to];
}
