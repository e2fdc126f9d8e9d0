import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { PoolEndpoint } from "../config/fields.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { seconds } from "../units/time.ts";

const CONNECT_TIMEOUT = seconds(6);

interface Pool {
  readonly url: string;
  readonly endpoint: PoolEndpoint;
}
type Probe = { readonly ok: true; readonly found: string } | { readonly ok: false; readonly found: string };

/** Whether each pool's name resolves and its port takes a connection; one that does not is a fail when none does. */
export function miningChecks(pools: readonly Pool[]): readonly Check[] {
  if (pools.length === 0) return [{ name: "pools", run: () => ({ level: "ok", found: "nothing is mined" }) }];
  let probes: Promise<readonly Probe[]> | undefined;
  return pools.map((pool, index) => ({
    name: `pool ${pool.url}`,
    run: async (signal) => {
      probes ??= Promise.all(pools.map((one) => probe(one, signal)));
      return toResult(await probes, index);
    },
  }));
}

function toResult(probes: readonly Probe[], index: number): CheckResult {
  const { ok, found } = probes[index] ?? { ok: false, found: "not tried" };
  if (ok) return { level: "ok", found };
  const mend = "check mining.pools, the name server and the firewall";
  return { level: probes.some((one) => one.ok) ? "warn" : "fail", found, mend };
}

async function probe({ url, endpoint }: Pool, signal: AbortSignal): Promise<Probe> {
  if (endpoint.kind === "devpool") return { ok: true, found: "built in" };
  const { host, port } = endpoint;
  const within = withDeadline(signal, CONNECT_TIMEOUT);
  const start = performance.now();
  try {
    const { address } = await unlessAborted(lookup(host), within);
    const isTls = /^[a-z0-9]+\+(ssl|tls):/.test(url);
    const named = isIP(host) === 0 ? { servername: host } : {};
    const socket = isTls ? connectTls({ host: address, port, ...named }) : connect({ host: address, port });
    await connected(socket, within);
    return { ok: true, found: `connected to ${address} in ${Math.round(performance.now() - start)} ms` };
  } catch (error) {
    const reason = within.aborted ? "no answer" : (systemCodeOf(error) ?? messageOf(error));
    return { ok: false, found: `${host}:${port} cannot be reached (${reason})` };
  }
}

/** Resolves once it is connected, which over TLS means that the certificate is good; closes it at once. */
function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  const done = "encrypted" in socket ? "secureConnect" : "connect";
  return unlessAborted(
    new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once(done, () => resolve());
    }),
    signal,
  ).finally(() => socket.destroy());
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
