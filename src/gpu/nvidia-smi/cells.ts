import { toPrintable } from "../../lib/errors.ts";

/** What the program prints where it has no value, with or without brackets. */
const ABSENT = new RegExp(
  `^(?:${[
    "n/?a",
    "not supported",
    "not active",
    "not found",
    "insufficient permissions",
    "unknown( error)?",
    "function not found",
    "requested functionality has been deprecated",
    "not available in wddm driver model",
    "gpu is lost",
    "gpu requires reset",
    "err!?",
  ].join("|")})?$`,
  "i",
);
const LONGEST_TEXT = 128;
const NUMBER = /^(-?\d{1,12}(?:\.\d{1,9})?)(?:\s*([^\s\d.][^\s]*))?$/;

/** A measured kind of number: its unit as printed, and what no hardware exceeds. */
export interface Quantity {
  readonly unit: string;
  readonly least: number;
  readonly most: number;
}

export const POWER: Quantity = { unit: "W", least: 0, most: 10_000 };
export const TEMPERATURE: Quantity = { unit: "C", least: -60, most: 250 };
/** Some fans tell more than 100 % of their intended speed. */
export const FAN: Quantity = { unit: "%", least: 0, most: 300 };
export const UTILIZATION: Quantity = { unit: "%", least: 0, most: 100 };
export const MEMORY: Quantity = { unit: "MiB", least: 0, most: 2 ** 30 };

const withoutBrackets = (cell: string): string => {
  const text = cell.trim();
  return text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1).trim() : text;
};

/** What `cell` says, fit for a screen; undefined for every way of the program to say nothing. */
export function toText(cell: string | undefined): string | undefined {
  const text = withoutBrackets(cell ?? "");
  return ABSENT.test(text) ? undefined : toPrintable(text).slice(0, LONGEST_TEXT);
}

/** The number in `cell`; undefined when it is absent, in another unit, or beyond any hardware. */
export function toNumber(cell: string | undefined, { unit, least, most }: Quantity): number | undefined {
  const [, digits, printedUnit = unit] = NUMBER.exec((cell ?? "").trim()) ?? [];
  if (digits === undefined || printedUnit !== unit) return undefined;
  const value = Number(digits);
  return value >= least && value <= most ? value : undefined;
}

/** What a cell tells about a GPU that does not answer any more. */
export function troubleIn(cell: string | undefined): "lost" | "reset-required" | undefined {
  if (cell === undefined) return undefined;
  if (/\bGPU is lost\b/i.test(cell)) return "lost";
  return /\brequires reset\b/i.test(cell) ? "reset-required" : undefined;
}

const BUS_ID = /([0-9a-f]{4,8}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/i;

/** The first PCI bus id in `text`, with the long domain, upper case: the program prints it in several ways. */
export function toBusId(text: string | undefined): string | undefined {
  const [, domain, rest] = BUS_ID.exec(text ?? "") ?? [];
  return domain === undefined ? undefined : `${domain.padStart(8, "0")}:${rest}`.toUpperCase();
}
