import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

/** Places that no flight sheet has any more are forgotten from this on. */
const MOST = 256;
const schema = z.record(
  z.string(),
  z
    .number()
    .int()
    .min(0)
    .max(MOST - 1),
);

type Places = Readonly<Record<string, number>>;

/**
 * Each coin's place among the ports of the miners' bridge, by its key, kept in `file`: a container that outlived the
 * agent finds its own proxy there or none, in whatever order the flight sheets come. Where the file cannot be kept it throws.
 */
export function placesOf(file: string, keys: readonly string[]): readonly number[] {
  const found = read(file);
  const isFull = Object.keys({ ...found, ...Object.fromEntries(keys.map((key) => [key, 0])) }).length > MOST;
  const known = isFull ? Object.fromEntries(Object.entries(found).filter(([key]) => keys.includes(key))) : found;
  const places = new Map(Object.entries(known));
  for (const key of keys) if (!places.has(key)) places.set(key, lowestFree([...places.values()]));
  if (places.size !== Object.keys(found).length || isFull) write(file, Object.fromEntries(places));
  return keys.map((key) => places.get(key) ?? 0);
}

function lowestFree(taken: readonly number[]): number {
  for (let place = 0; ; place++) if (!taken.includes(place)) return place;
}

/** A file that says nothing is as good as none. */
function read(file: string): Places {
  try {
    const places = schema.parse(JSON.parse(readFileSync(file, "utf8")));
    return new Set(Object.values(places)).size === Object.keys(places).length ? places : {};
  } catch {
    return {};
  }
}

/** Whole or not at all. */
function write(file: string, places: Places): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, JSON.stringify(places), { mode: 0o600, flag: "wx" });
  renameSync(draft, file);
}
