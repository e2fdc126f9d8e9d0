import type { Dialect, PoolMessage } from "./dialect.ts";

/** Enough for the jobs that the connections of one proxy get at about the same time. */
const KEPT_LINES = 32;

/**
 * The dialect with a memory for jobs: a pool says the same job to every connection, so the connections share what was
 * read of it. One per proxy.
 */
export function withSharedJobs(dialect: Dialect): Dialect {
  const jobs = new Map<string, PoolMessage>();
  return {
    ...dialect,
    parsePool: (line) => {
      const key = line.toString("latin1");
      const known = jobs.get(key);
      if (known) return known;
      const message = dialect.parsePool(line);
      if (message.kind !== "job") return message;
      const [oldest] = jobs.keys();
      if (jobs.size >= KEPT_LINES && oldest !== undefined) jobs.delete(oldest);
      jobs.set(key, message);
      return message;
    },
  };
}
