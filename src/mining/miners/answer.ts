import { z } from "zod";
import { sayWanted } from "../../lib/wanted.ts";
import { type Watts, watts } from "../../units/energy.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { type Hashrate, hashrate } from "../../units/work.ts";
import { MiningError } from "../errors.ts";

const MAX_DEVICES = 256;
/** Above the whole of Bitcoin's network: no rig. */
const HIGHEST = 1e22;

const rate = z.number().finite().nonnegative().max(HIGHEST);
const whole = z.int().nonnegative();

/** The fields that all miner programs have in common, as zod schemas. */
export const field = {
  count: whole,
  rate,
  text: z.string().max(256),
  devices: <Item extends z.ZodType>(item: Item) => z.array(item).max(MAX_DEVICES),
} as const;

/** Throws `ERR_MINER_ANSWER` naming the first field that is not what the program's own API says. */
export function parseWith<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badAnswer(issue?.path.join(".") || "answer", issue === undefined ? "what its API says" : sayWanted(issue));
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer("answer", "JSON");
  }
}

/** `KEY=value;…|KEY=value;…|`, the way of ccminer and its kin: one record per bar. */
export function parseBars(text: string): ReadonlyMap<string, string>[] {
  const records = text
    .trim()
    .split("|")
    .filter((part) => part !== "");
  if (records.length === 0 || records.length > MAX_DEVICES || !records.every((part) => part.includes("=")))
    throw badAnswer("answer", "records of KEY=value;");
  return records.map((record) => new Map(record.split(";").map(toPair)));
}

function toPair(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

export const badAnswer = (name: string, wanted: string): MiningError =>
  new MiningError(`the miner's ${name}: ${wanted}`, {
    code: "ERR_MINER_ANSWER",
    field: name,
    mend: "check that the port is the miner's own API",
    retryable: true,
  });

type Present<Fields> = {
  [Key in keyof Fields as undefined extends Fields[Key] ? never : Key]: Fields[Key];
} & { [Key in keyof Fields as undefined extends Fields[Key] ? Key : never]?: Exclude<Fields[Key], undefined> };

/** Leaves out what is undefined, so that an absent reading is an absent key. */
export const present = <Fields extends object>(fields: Fields): Present<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<Fields>;

export const toRate = (value: number | null | undefined, factor = 1): Hashrate | undefined =>
  value === undefined || value === null ? undefined : hashrate(value * factor);

/** No card draws 0 W or is at 0 °C: programs write that for what they cannot read. */
export const toPower = (value: number | undefined): Watts | undefined => (value ? watts(value) : undefined);
export const toTemperature = (value: number | undefined): number | undefined => value || undefined;

export const toUptime = (value: number | undefined): Millis | undefined =>
  value === undefined ? undefined : seconds(value);

/** The bus of `0000:0A:00.0`, `0A:00`, `0A:00.0` or `3:0`; the last is decimal. */
export function toPciBus(address: string | undefined, radix: 10 | 16 = 16): number | undefined {
  const match = /^(?:[0-9a-f]{4,8}:)?([0-9a-f]{1,2}):[0-9a-f]{1,2}(?:\.[0-7])?$/i.exec(address ?? "");
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], radix);
}

/** The sum of what is known; undefined when nothing is. */
export function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}
