import { execa } from "execa";
import type { Millis } from "../units/time.ts";
import { printable } from "./lines.ts";

const LONGEST_OUTPUT = 65_536;
const LONGEST_REASON = 300;
/** From the polite end to the kill. */
const KILL_AFTER_MS = 2000;

export interface HookCall {
  /** A program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  readonly timeout: Millis;
  /** All that it gets of the environment, beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the operator's command to its end; returns why it failed, ready for a person, or undefined. Never throws. */
export async function runHook({ command, timeout, env }: HookCall, signal: AbortSignal): Promise<string | undefined> {
  const [file = "", ...args] = command;
  const end = await execa(file, args, {
    timeout,
    cancelSignal: signal,
    maxBuffer: LONGEST_OUTPUT,
    forceKillAfterDelay: KILL_AFTER_MS,
    reject: false,
    stdin: "ignore",
    extendEnv: false,
    env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
  });
  return end.failed
    ? printable(end.stderr?.split("\n").at(-1) || (end.shortMessage ?? "it failed"), LONGEST_REASON)
    : undefined;
}
