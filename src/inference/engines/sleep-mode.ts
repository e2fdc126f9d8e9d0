import { z } from "zod";
import { withDeadline } from "../../lib/wait.ts";
import { seconds } from "../../units/time.ts";
import { InferenceError } from "../errors.ts";

const ASK_TIMEOUT = seconds(2);
/** Weights go to the machine's memory and back at a few gigabytes a second. */
const MOVE_TIMEOUT = seconds(60);
const MAX_ANSWER_BYTES = 4096;

const stateSchema = z.object({ is_sleeping: z.boolean() });

/** Whether the engine sleeps; undefined where it has no sleep mode. */
export async function fetchIsSleeping(base: string, signal: AbortSignal): Promise<boolean | undefined> {
  const deadline = withDeadline(signal, ASK_TIMEOUT);
  const response = await fetch(new URL("/is_sleeping", base), { redirect: "error", signal: deadline });
  const text = await readLimited(response, base);
  if (!response.ok) return undefined;
  try {
    return stateSchema.parse(JSON.parse(text)).is_sleeping;
  } catch {
    // Some page that answers every address: no sleep mode.
    return undefined;
  }
}

/** Frees the engine's VRAM, weights kept in the machine's memory; whether it really did is for the caller to verify. */
export const putToSleep = (base: string, signal: AbortSignal): Promise<void> => post(base, "/sleep?level=1", signal);

export const wakeUp = (base: string, signal: AbortSignal): Promise<void> => post(base, "/wake_up", signal);

async function post(base: string, path: string, signal: AbortSignal): Promise<void> {
  const deadline = withDeadline(signal, MOVE_TIMEOUT);
  const response = await fetch(new URL(path, base), { method: "POST", redirect: "error", signal: deadline });
  await readLimited(response, base);
  if (response.ok) return;
  throw new InferenceError(`the engine answered ${response.status} to ${path}`, {
    code: "ERR_ENGINE_ANSWER",
    url: base,
    retryable: true,
  });
}

async function readLimited(response: Response, url: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > MAX_ANSWER_BYTES)
      throw new InferenceError("the engine's answer is over 4 KiB", { code: "ERR_ENGINE_ANSWER", url });
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
