/** What stands where a number is unknown. */
export const UNKNOWN = "–";

/** A number and its unit, apart so that the page can set them in different sizes. */
export interface Quantity {
  readonly text: string;
  readonly unit: string;
}

type Maybe = number | null | undefined;

const GREATEST_DECIMALS = 9;
const BY_DECIMALS = Array.from(
  { length: GREATEST_DECIMALS + 1 },
  (_, decimals) => new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }),
);

const isKnown = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** Fixed decimals, thousands separated, with a true minus sign; never `-0`. */
export function formatDecimal(value: number, decimals: number): string {
  const format = BY_DECIMALS[Math.min(GREATEST_DECIMALS, Math.max(0, decimals))];
  const text = format?.format(value) ?? String(value);
  return text.startsWith("-") ? (/[1-9]/.test(text) ? `−${text.slice(1)}` : text.slice(1)) : text;
}

/** Decimals that leave `digits` significant ones, at least `least`. */
function decimalsFor(value: number, digits: number, least: number): number {
  const size = Math.abs(value);
  if (size === 0) return least;
  return Math.max(least, digits - 1 - Math.floor(Math.log10(size)));
}

const threeDigits = (value: number): string =>
  Math.abs(value) < 1 ? formatDecimal(value, 2) : formatDecimal(value, Math.min(2, decimalsFor(value, 3, 0)));

const unknown = (unit: string): Quantity => ({ text: UNKNOWN, unit });

export function formatCount(value: Maybe): string {
  return isKnown(value) ? formatDecimal(value, 0) : UNKNOWN;
}

/** What a token costs is told; of less, only that it is less. */
const LEAST_USD = "0.000001";

/** Dollars with three significant digits below one dollar, so that a few tokens still show a price. */
export function formatUsd(value: Maybe): string {
  if (!isKnown(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 5e-10 && size < Number(LEAST_USD)) return value < 0 ? `−<$${LEAST_USD}` : `<$${LEAST_USD}`;
  const decimals = size >= 1 || size < 5e-10 ? 2 : Math.min(GREATEST_DECIMALS, decimalsFor(value, 3, 2));
  const text = formatDecimal(value, decimals);
  return text.startsWith("−") ? `−$${text.slice(1)}` : `$${text}`;
}

export const formatUsdNano = (value: Maybe): string => formatUsd(isKnown(value) ? value / 1e9 : value);

export function toPower(value: Maybe): Quantity {
  if (!isKnown(value)) return unknown("W");
  return { text: formatDecimal(value, Math.abs(value) < 100 ? 1 : 0), unit: "W" };
}

/** The least prefix that keeps the number below a thousand. */
function toScaled(value: number, units: readonly string[]): Quantity {
  let index = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 999.5 && index < units.length - 1) {
    scaled /= 1000;
    index += 1;
  }
  return { text: threeDigits(scaled), unit: units[index] ?? "" };
}

export const toHashrate = (value: Maybe): Quantity =>
  isKnown(value) ? toScaled(value, ["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s"]) : unknown("H/s");

/** A pool's difficulty with three significant digits, from a thousand on with a prefix. */
export function formatDifficulty(value: Maybe): string {
  if (!isKnown(value)) return UNKNOWN;
  if (value < 999.5) return formatDecimal(value, decimalsFor(Number(value.toPrecision(3)), 3, 0));
  return join(toScaled(value, ["", "k", "M", "G", "T", "P", "E"]));
}

export const toTokenRate = (value: Maybe): Quantity =>
  isKnown(value) ? { text: threeDigits(value), unit: "tok/s" } : unknown("tok/s");

export const toTemperature = (value: Maybe): Quantity =>
  isKnown(value) ? { text: formatDecimal(value, 0), unit: "°C" } : unknown("°C");

export const toMemory = (mebibytes: Maybe): Quantity =>
  isKnown(mebibytes) ? { text: formatDecimal(mebibytes / 1024, 1), unit: "GiB" } : unknown("GiB");

const JOULES_PER_KWH = 3_600_000;

/** Joules with a prefix as on the command line, from a kilowatt-hour on kilowatt-hours. */
export function toEnergy(millijoules: Maybe): Quantity {
  if (!isKnown(millijoules)) return unknown("J");
  const joules = millijoules / 1000;
  if (Math.abs(joules) < JOULES_PER_KWH) return toScaled(joules, ["J", "kJ"]);
  return { text: threeDigits(joules / JOULES_PER_KWH), unit: "kWh" };
}

export const join = ({ text, unit }: Quantity): string => `${text} ${unit}`;

const two = (value: number): string => String(value).padStart(2, "0");

/** The two greatest parts of a length of time; a negative one, from a clock set back, counts as none. */
export function formatDuration(length: Maybe): string {
  if (!isKnown(length)) return UNKNOWN;
  const ms = Math.max(0, length);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${formatDecimal(Math.floor(ms / 100) / 10, 1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${two(minutes % 60)} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** As `formatDuration`, in whole seconds: for a length that is shown while it grows. */
export function formatRunning(length: number): string {
  const seconds = Math.floor(Math.max(0, length) / 1000);
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Wall time of the reader's own zone. */
export const formatClock = (at: Maybe): string => (isKnown(at) ? CLOCK.format(at) : UNKNOWN);

/** The time of day, with the date in front when it is not `now`'s. */
export function formatMoment(at: Maybe, now: number): string {
  if (!isKnown(at)) return UNKNOWN;
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  return isToday ? formatClock(at) : `${DAY.format(at)}, ${formatClock(at)}`;
}

export const formatDay = (at: Maybe): string => (isKnown(at) ? DAY.format(at) : UNKNOWN);
