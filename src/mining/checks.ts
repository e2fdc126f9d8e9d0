import type { Socket } from "node:net";
import type { PoolEndpoint } from "../config/fields.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { withDeadline } from "../lib/wait.ts";
import { seconds } from "../units/time.ts";
import { parsePoolUrl } from "./stratum/pool-url.ts";
import { unreachable } from "./stratum/probe.ts";
import { certificateFault, connectTo } from "./stratum/tls.ts";

const CONNECT_TIMEOUT = seconds(6);

interface Pool {
  readonly url: string;
  readonly endpoint: PoolEndpoint;
  readonly tlsPin?: string;
}
type Probe = { readonly ok: true; readonly found: string } | { readonly ok: false; readonly found: string };

/** The pools of one coin, and the flight sheet that they stand in. */
interface SheetPools {
  readonly sheet: string;
  readonly pools: readonly Pool[];
}

/**
 * Whether each pool's name resolves and its port takes a connection; one that does not is a fail when no pool of its
 * flight sheet does.
 */
export function miningChecks(sheets: readonly SheetPools[]): readonly Check[] {
  if (sheets.length === 0) return [{ name: "pools", run: () => ({ level: "ok", found: "nothing is mined" }) }];
  return sheets.flatMap(poolChecks);
}

function poolChecks({ sheet, pools }: SheetPools): readonly Check[] {
  let probes: Promise<readonly Probe[]> | undefined;
  return pools.map((pool, index) => ({
    name: `pool ${pool.url} of ${sheet}`,
    run: async (signal) => {
      probes ??= Promise.all(pools.map((one) => probe(one, signal)));
      return toResult(await probes, index);
    },
  }));
}

function toResult(probes: readonly Probe[], index: number): CheckResult {
  const { ok, found } = probes[index] ?? { ok: false, found: "not tried" };
  if (ok) return { level: "ok", found };
  const mend = "check the pool's address and tlsPin among the pools in rig.yaml, the name server and the firewall";
  return { level: probes.some((one) => one.ok) ? "warn" : "fail", found, mend };
}

async function probe({ url, endpoint, tlsPin }: Pool, signal: AbortSignal): Promise<Probe> {
  if (endpoint.kind === "devpool") return { ok: true, found: "built in" };
  const within = withDeadline(signal, CONNECT_TIMEOUT);
  const start = performance.now();
  // The same way as the proxy, so that a certificate it would refuse is refused here.
  const { socket, ready } = connectTo(parsePoolUrl(url));
  try {
    await isReady(socket, ready, within);
    const fault = certificateFault(socket, tlsPin);
    if (fault !== undefined) return { ok: false, found: fault };
    const took = Math.round(performance.now() - start);
    return { ok: true, found: `connected to ${socket.remoteAddress ?? "it"} in ${took} ms` };
  } catch (error) {
    const reason = within.aborted ? "no answer" : (systemCodeOf(error) ?? messageOf(error));
    return { ok: false, found: unreachable(endpoint, reason) };
  } finally {
    socket.destroy();
  }
}

/** Resolves once it is connected, over TLS once both sides agreed on keys. */
function isReady(socket: Socket, ready: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    socket.on("error", reject);
    socket.once(ready, () => resolve());
    socket.once("close", () => signal.removeEventListener("abort", stop));
  });
}
