import { isAbort, messageOf, toPrintable } from "../../lib/errors.ts";
import { withDeadline } from "../../lib/wait.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import { WallMeterError } from "../errors.ts";

/** How long a meter in the house may take. */
export const METER_TIMEOUT: Millis = seconds(5);
/** The longest honest answer of a meter is a few kilobytes. */
const LARGEST_ANSWER = 64 * 1024;

/** What is left of the time for several questions that make one reading. */
export interface Deadline {
  readonly signal: AbortSignal;
  left(): Millis;
}

export function createDeadline(signal: AbortSignal, length: Millis): Deadline {
  const end = performance.now() + length;
  return { signal, left: () => millis(end - performance.now()) };
}

/**
 * Asks a meter that the operator named, loopback and private addresses included; redirects are not followed.
 * Throws `WallMeterError`, or the abort when `signal` fired.
 */
export async function fetchJson(url: URL, signal: AbortSignal, timeout: Millis): Promise<unknown> {
  const text = await fetchText(url, signal, timeout);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw answerFault(url, `no JSON but ${toPrintable(text.slice(0, 40)) || "nothing"}`, cause);
  }
}

async function fetchText(url: URL, signal: AbortSignal, timeout: Millis): Promise<string> {
  try {
    const response = await fetch(url, { signal: withDeadline(signal, timeout), redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      throw answerFault(url, `HTTP ${response.status}`);
    }
    return await readBounded(response, url);
  } catch (error) {
    if (error instanceof WallMeterError || (isAbort(error) && signal.aborted)) throw error;
    throw new WallMeterError(
      `the wall meter at ${url.host} does not answer (${messageOf(error)})`,
      { code: "ERR_WALL_METER_UNREACHABLE", host: url.host, mend: "check power.wall.meter.url", retryable: true },
      { cause: error },
    );
  }
}

async function readBounded(response: Response, url: URL): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > LARGEST_ANSWER) throw answerFault(url, `more than ${LARGEST_ANSWER} bytes`);
  }
  return text + decoder.decode();
}

/** The meter said something that cannot be used; `got` is one printable line. */
export const answerFault = (url: URL, got: string, cause?: unknown): WallMeterError =>
  new WallMeterError(
    `the wall meter at ${url.host} answered ${got}`,
    {
      code: "ERR_WALL_METER_ANSWER",
      host: url.host,
      mend: "check that power.wall.meter names the right kind and address",
      retryable: true,
    },
    { cause },
  );
