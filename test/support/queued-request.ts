import type { Admittance, Grant } from "../../src/inference/gpu-port.ts";
import type { RequestQueue } from "../../src/rig/request-queue.ts";
import { usdNano } from "../../src/units/money.ts";

const NEVER = new AbortController().signal;

/** Puts requests into the queue that `queue` gives at the moment, each worth 100 nano-USD unless said otherwise. */
export const askThrough =
  (queue: () => RequestQueue) =>
  (jobId: string, worth = 100, signal = NEVER): Promise<Admittance> =>
    queue().enqueue({ jobId, worth: usdNano(worth) }, signal);

/** The grant that was waited for; throws where there is none. */
export async function grantOf(admitted: Promise<Admittance>): Promise<Grant> {
  const admittance = await admitted;
  if (admittance.kind === "granted") return admittance.grant;
  throw new Error(`not granted but ${JSON.stringify(admittance)}`);
}
