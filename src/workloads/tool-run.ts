import { execa } from "execa";
import type { ToolEnd } from "../gpu/hive/tool.ts";
import { signalProcess } from "./process-table.ts";

const MOST_OUTPUT = 64 * 1024;

/**
 * Runs a program of this machine to its end, without a shell. Whatever of it and of its children is still there when
 * `signal` fires is killed, so that nothing is done later.
 */
export async function runTool(file: string, args: readonly string[], signal: AbortSignal): Promise<ToolEnd> {
  const started = execa(file, args, {
    reject: false,
    stdin: "ignore",
    all: true,
    maxBuffer: MOST_OUTPUT,
    detached: true,
    extendEnv: false,
    env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  const kill = () => killGroup(started.pid);
  if (signal.aborted) kill();
  signal.addEventListener("abort", kill, { once: true });
  try {
    const { exitCode, all, originalMessage } = await started;
    if (exitCode === undefined) return { kind: "not-run", reason: originalMessage ?? "it was ended" };
    return { kind: "ended", exitCode, output: all };
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) signalProcess(-pid, "SIGKILL");
  } catch {
    // It runs as another user now, and ends by itself.
  }
}
