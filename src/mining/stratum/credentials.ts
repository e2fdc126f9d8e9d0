import type { PoolTarget } from "./pool-url.ts";

/**
 * A pool's user or password for one worker: `{worker}` is the worker's whole name, `{rig}` and `{gpu}` what stands
 * before and after its last dash.
 */
function fill(template: string, worker: string): string {
  const dash = worker.lastIndexOf("-");
  const parts: Readonly<Record<string, string>> = {
    worker,
    rig: dash < 0 ? worker : worker.slice(0, dash),
    gpu: dash < 0 ? "0" : worker.slice(dash + 1),
  };
  return template.replace(/\{(worker|rig|gpu)\}/g, (_, name: string) => parts[name] ?? "");
}

/** What a pool is told in place of a worker's own login. */
export const credentialsOf = ({ user, password }: PoolTarget, worker: string) => ({
  user: fill(user, worker),
  password: fill(password, worker),
});
