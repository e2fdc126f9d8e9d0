import type { Millis } from "../../units/time.ts";
import { askHook, type HookAnswer } from "../hook.ts";
import { askWebHook, type WebHook } from "./web-hook.ts";

export interface CommandHook {
  readonly kind: "command";
  /** A program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  readonly timeout: Millis;
}

export type Hook = CommandHook | WebHook;

/** What a hook is told. */
export interface HookContext {
  readonly external: string;
  readonly gpus: readonly string[];
  /** One word: `start`, `stop`, `busy` or `earnings`. */
  readonly purpose: string;
  /** Why, in words; empty for a question. */
  readonly reason: string;
  /** Hosts that the operator named; only these may stand at an address that is not public. */
  readonly privateHosts: readonly string[];
  /** Told of its process, which leads a group, where the hook is one. */
  readonly onProcess?: (pid: number) => void;
}

/** Runs one hook within its own time; whatever goes wrong is an answer. */
export function callHook(hook: Hook, context: HookContext, signal: AbortSignal): Promise<HookAnswer> {
  if (hook.kind === "web") return askWebHook(hook, context, signal);
  const { external, gpus, purpose, reason, onProcess } = context;
  const env = {
    RIGSHIFT_EXTERNAL: external,
    RIGSHIFT_GPU: gpus[0] ?? "",
    RIGSHIFT_GPUS: gpus.join(","),
    RIGSHIFT_HOOK: purpose,
    RIGSHIFT_REASON: reason,
  };
  return askHook({ command: hook.command, timeout: hook.timeout, env, ...(onProcess ? { onProcess } : {}) }, signal);
}
