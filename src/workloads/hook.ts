import { execa } from "execa";
import { withDeadline } from "../lib/wait.ts";
import type { Millis } from "../units/time.ts";
import { printable } from "./lines.ts";
import { type ProcessSignal, signalProcess } from "./process-table.ts";

const LONGEST_OUTPUT = 65_536;
const LONGEST_REASON = 300;
/** From the polite end to the kill. */
const KILL_AFTER_MS = 2000;
/** For what it left in the background with its output open: a hook may start a program that stays. */
const PIPES_CLOSE_MS = 300;

export interface HookCall {
  /** A program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  readonly timeout: Millis;
  /** All that it gets of the environment, beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told of its process, which leads a group, as soon as there is one. */
  readonly onProcess?: (pid: number) => void;
}

/** What came of a hook: its whole output, at most 64 KiB, or why it failed in words for a person. */
export type HookAnswer =
  | { readonly kind: "answered"; readonly text: string }
  | { readonly kind: "failed"; readonly reason: string };

/** Runs the operator's command to its end; returns why it failed, ready for a person, or undefined. Never throws. */
export async function runHook(call: HookCall, signal: AbortSignal): Promise<string | undefined> {
  const answer = await askHook(call, signal);
  return answer.kind === "failed" ? answer.reason : undefined;
}

/** Runs the operator's command to its end and returns what it wrote; out of time, its whole group is ended. Never throws. */
export async function askHook(
  { command, timeout, env, onProcess }: HookCall,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const [file = "", ...args] = command;
  const within = withDeadline(signal, timeout);
  if (within.aborted) return failure("it was not started: the agent stops");
  try {
    const started = execa(file, args, {
      maxBuffer: LONGEST_OUTPUT,
      reject: false,
      // A group of its own: what hangs is often not the script but what it called.
      detached: true,
      cleanup: false,
      stdin: "ignore",
      extendEnv: false,
      env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    });
    const { nodeChildProcess } = started;
    const letGo = endInTime(nodeChildProcess.pid, within);
    if (nodeChildProcess.pid !== undefined) onProcess?.(nodeChildProcess.pid);
    nodeChildProcess.once("exit", () => {
      setTimeout(() => {
        started.stdout.destroy();
        started.stderr.destroy();
      }, PIPES_CLOSE_MS).unref();
    });
    const end = await started.finally(letGo);
    if (within.aborted) return failure(signal.aborted ? "the agent stops" : `it timed out after ${timeout / 1000} s`);
    return end.failed ? failure(reasonOf(end)) : { kind: "answered", text: end.stdout };
  } catch {
    // A command that no program can be given, such as one with a zero byte; its words are not repeated.
    return failure("it is no command that can be started");
  }
}

/** Ends the group politely when `within` fires, and with force soon after; the call it returns lets it live. */
function endInTime(pid: number | undefined, within: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    endGroup(pid, "SIGTERM");
    timer = setTimeout(() => endGroup(pid, "SIGKILL"), KILL_AFTER_MS);
  };
  within.addEventListener("abort", end, { once: true });
  return () => {
    within.removeEventListener("abort", end);
    clearTimeout(timer);
    // Whoever in the group did not hear the polite word hears this one.
    if (timer !== undefined) endGroup(pid, "SIGKILL");
  };
}

function endGroup(pid: number | undefined, signal: ProcessSignal): void {
  try {
    if (pid !== undefined) signalProcess(-pid, signal);
  } catch {
    // A program that changed its user may refuse; the hook has failed all the same.
  }
}

interface FailedEnd {
  readonly stderr: string;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly isMaxBuffer: boolean;
  readonly originalMessage?: string | undefined;
}

/** The command line itself is not told: its arguments may hold a secret. */
function reasonOf({ stderr, exitCode, signal, isMaxBuffer, originalMessage }: FailedEnd): string {
  if (isMaxBuffer) return `its output is larger than ${LONGEST_OUTPUT} characters`;
  const words = stderr.trimEnd().split("\n").at(-1);
  if (words) return words;
  if (exitCode !== undefined) return `exit code ${exitCode}`;
  return signal === undefined ? (originalMessage ?? "it could not be started") : `it was ended by ${signal}`;
}

const failure = (reason: string): HookAnswer => ({ kind: "failed", reason: printable(reason, LONGEST_REASON) });
