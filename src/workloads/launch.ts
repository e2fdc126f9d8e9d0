import type { Readable } from "node:stream";
import { execa } from "execa";
import { messageOf } from "../lib/errors.ts";
import type { WorkSpec } from "./driver.ts";

/** A child process that was just started, in a group of its own. */
export interface Launched {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  onExit(listener: (code: number | null, signal: string | null) => void): void;
  /** When its pipes are closed too; a grandchild that inherited one delays it. */
  onClose(listener: () => void): void;
}

export type Launch =
  | { readonly kind: "launched"; readonly child: Launched }
  | { readonly kind: "failed"; readonly reason: string };

/** What a child may see of the agent's environment: enough to run, and nothing secret. */
const INHERITED = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"];

type Environment = Readonly<Record<string, string | undefined>>;

export const childEnvironment = (own: Environment, extra: WorkSpec["env"] = {}): Record<string, string> => ({
  ...Object.fromEntries(INHERITED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]]))),
  ...extra,
});

/** Whether `setpriv` can make the kernel kill a child when its parent dies; busybox's cannot. */
export async function canDieWithParent(own: Environment): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const probe = await execa("setpriv", ["--pdeathsig", "KILL", "--", "true"], {
    env: childEnvironment(own),
    extendEnv: false,
    reject: false,
    timeout: 5000,
    stdio: "ignore",
  });
  return probe.exitCode === 0;
}

/** Starts `spec`'s program. Its standard input stays open until this process ends, which tells it to end as well. */
export async function launch(spec: WorkSpec, own: Environment, dieWithParent: boolean): Promise<Launch> {
  const [file = spec.command, ...args] = [
    ...(dieWithParent ? ["setpriv", "--pdeathsig", "KILL", "--"] : []),
    ...(spec.nice ? ["nice", "-n", String(spec.nice)] : []),
    spec.command,
    ...spec.args,
  ];
  try {
    const started = execa(file, args, {
      env: childEnvironment(own, spec.env),
      extendEnv: false,
      detached: true,
      cleanup: false,
      buffer: false,
      reject: false,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const { pid, stdout, stderr, nodeChildProcess } = started;
    if (pid === undefined) return { kind: "failed", reason: reasonOf(await started) };
    return {
      kind: "launched",
      child: {
        pid,
        stdout,
        stderr,
        onExit: (listener) => void nodeChildProcess.once("exit", listener),
        onClose: (listener) => void nodeChildProcess.once("close", listener),
      },
    };
  } catch (error) {
    // A command or argument that no program can be given, such as one with a zero byte.
    return { kind: "failed", reason: messageOf(error) };
  }
}

const reasonOf = (result: { readonly originalMessage?: string | undefined }): string =>
  result.originalMessage ?? "the program could not be started";
