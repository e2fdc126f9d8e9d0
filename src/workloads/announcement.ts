import { z } from "zod";
import { isLoopback } from "../config/fields.ts";
import { sayWanted } from "../lib/wanted.ts";
import type { RunningWork } from "./driver.ts";
import { printable } from "./lines.ts";

/** Longest announcement that is read, in characters. */
export const LONGEST_ANNOUNCEMENT = 64 * 1024;

const HOST = "a loopback address";
const PORT = "a port from 1 to 65535";

const schema = z.looseObject({
  event: z.literal("listening", { error: '"listening"' }),
  // Requests and prompts are sent to this address: a child must not be able to point them at another machine.
  host: z.string({ error: HOST }).refine(isLoopback, { error: HOST }),
  port: z.int({ error: PORT }).min(1, { error: PORT }).max(65_535, { error: PORT }),
});

const containerSchema = schema.extend({
  host: z.string().max(255).default(""),
  port: z.int({ error: PORT }).min(0, { error: PORT }).max(65_535, { error: PORT }).default(0),
});

export type Announcement =
  | { readonly kind: "announced"; readonly where: Pick<RunningWork, "host" | "port" | "facts"> }
  | { readonly kind: "garbage"; readonly reason: string };

/** Parses the first line a child wrote: `{"event":"listening","host":…,"port":…}`, other keys kept as its facts. */
export const parseAnnouncement = (line: string): Announcement => parseWith(schema, line);

/** The same for work in a container, whose host is its own business: only the Engine tells where it can be reached. */
export const parseContainerAnnouncement = (line: string): Announcement => parseWith(containerSchema, line);

function parseWith(wanted: typeof schema | typeof containerSchema, line: string): Announcement {
  if (line.length >= LONGEST_ANNOUNCEMENT)
    return garbage(`its first line is longer than ${LONGEST_ANNOUNCEMENT} characters`);
  const parsed = wanted.safeParse(toJson(line));
  if (parsed.success) {
    const { event: _, host, port, ...facts } = parsed.data;
    return { kind: "announced", where: { host, port, facts } };
  }
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".");
  if (issue === undefined || !field) return garbage(`its first line is no JSON object: ${printable(line, 80)}`);
  return garbage(`announcement.${printable(field, 40)}: wanted ${sayWanted(issue)}`);
}

const garbage = (reason: string): Announcement => ({ kind: "garbage", reason });

function toJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Whatever it is, it is no object, and the schema says so.
    return undefined;
  }
}
