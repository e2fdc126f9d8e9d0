import type { Readable } from "node:stream";
import { execa } from "execa";
import { messageOf } from "../../lib/errors.ts";
import { wait } from "../../lib/wait.ts";
import { millis } from "../../units/time.ts";

/** A running query. Owns its process group. */
export interface RunningQuery {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves with how it ended, once it is collected and its last words are read. */
  readonly gone: Promise<QueryEnd>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** Lets this process end although the query does not. */
  abandon(): void;
}

export interface QueryEnd {
  readonly exitCode: number | undefined;
  readonly how: string;
}

const PROGRAM = "nvidia-smi";
const PIPES_CLOSE = millis(500);
/** All that it needs; nothing secret. */
const INHERITED = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR"];

const environment = (): Record<string, string> =>
  Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));

/** Whether `setpriv` can make the kernel kill a child when its parent dies; busybox's cannot. */
export async function canDieWithParent(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const probe = await execa("setpriv", ["--pdeathsig", "KILL", "--", "true"], {
    env: environment(),
    extendEnv: false,
    reject: false,
    timeout: 5000,
    stdio: "ignore",
  });
  return probe.exitCode === 0;
}

/** Starts nvidia-smi; the reason when it cannot be started. Without `dieWithParent` it ends at its next line instead. */
export async function launchQuery(args: readonly string[], dieWithParent: boolean): Promise<RunningQuery | string> {
  const [file = PROGRAM, ...rest] = [...(dieWithParent ? ["setpriv", "--pdeathsig", "KILL", "--"] : []), PROGRAM];
  try {
    const started = execa(file, [...rest, ...args], {
      env: environment(),
      extendEnv: false,
      detached: true,
      cleanup: false,
      buffer: false,
      reject: false,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const { pid, stdout, stderr, nodeChildProcess } = started;
    if (pid === undefined) return (await started).originalMessage ?? "it could not be started";
    const closed = new AbortController();
    nodeChildProcess.once("close", () => closed.abort());
    const gone = new Promise<QueryEnd>((resolve) => {
      nodeChildProcess.once("exit", (code, signal) => {
        killGroup(pid, "SIGKILL");
        const end = { exitCode: code ?? undefined, how: signal === null ? `exit code ${code}` : `signal ${signal}` };
        // Its last words may still stand in the pipes.
        void wait(PIPES_CLOSE, closed.signal).then(() => resolve(end));
      });
    });
    return {
      pid,
      stdout,
      stderr,
      gone,
      kill: (signal) => killGroup(pid, signal),
      abandon: () => {
        nodeChildProcess.unref();
        stdout.destroy();
        stderr.destroy();
      },
    };
  } catch (error) {
    // An argument that no program can be given.
    return messageOf(error);
  }
}

function killGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in between: there is nobody left to signal.
  }
}
