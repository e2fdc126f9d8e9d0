import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type UnixMs, unixMs } from "../../units/time.ts";

const LARGEST = 8 * 1024 * 1024;

const schema = z.object({
  /** Of the request, key left out: another address makes the entry worthless. */
  address: z.string(),
  fetchedMs: z.number().int().nonnegative().transform(unixMs),
  etag: z.string().max(1000).exactOptional(),
  lastModified: z.string().max(1000).exactOptional(),
  text: z.string().max(LARGEST),
});

/** The last good answer of one source. */
export interface CachedAnswer {
  readonly address: string;
  readonly fetchedMs: UnixMs;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly text: string;
}

/** Undefined where nothing usable was kept. */
export function readCache(file: string): CachedAnswer | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Missing, damaged or of another version: it is fetched again.
    return undefined;
  }
}

/** Keeps `answer` as a file that only this user can read; a write cut short leaves the old one. */
export function writeCache(file: string, answer: object): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  try {
    writeFileSync(draft, JSON.stringify(answer), { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
