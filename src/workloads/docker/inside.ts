import { z } from "zod";
import { toPrintable } from "../../lib/errors.ts";
import { seconds } from "../../units/time.ts";
import type { ProbeResult } from "../driver.ts";
import { printable } from "../lines.ts";
import { parsed } from "./containers.ts";
import { type Engine, wasRefusedWith } from "./engine.ts";
import { demultiplex, forEachLine, toLines } from "./text-streams.ts";

const MOST_LINES = 500;
const LONGEST_LINE = 4096;
const LONGEST_OUTPUT = 65_536;
const PROBE_TIMEOUT = seconds(15);
const MOST_ASKED = 20;

interface LogWish {
  readonly lines: number;
  readonly only?: "stderr";
}

/** The last lines that a container wrote, oldest first, safe to print; empty when it is gone. */
export async function readLogs(engine: Engine, id: string, { lines, only }: LogWish, signal: AbortSignal) {
  const tail = Math.max(1, Math.min(MOST_LINES, lines));
  try {
    const answer = await engine.read("tell a container's log", signal, (docker, abortSignal) =>
      docker.getContainer(id).logs({ follow: false, stdout: only === undefined, stderr: true, tail, abortSignal }),
    );
    return toLines(answer)
      .map((line) => printable(line, LONGEST_LINE))
      .slice(-tail);
  } catch (error) {
    if (wasRefusedWith(error, 404, 409)) return [];
    throw error;
  }
}

const execSchema = z.looseObject({ ExitCode: z.int().nullish(), Running: z.boolean().catch(false) });

/** Runs a program inside a container and waits for its end, at most fifteen seconds. */
export async function runInside(
  engine: Engine,
  id: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<ProbeResult> {
  try {
    const exec = await engine.change("prepare a program in the container", signal, (docker, abortSignal) =>
      docker.getContainer(id).exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, abortSignal }),
    );
    let output = "";
    const call = { what: "run a program in the container", timeout: PROBE_TIMEOUT, signal };
    await engine.call(call, async (_docker, abortSignal) => {
      const stream = await exec.start({ Detach: false, Tty: false, hijack: false, stdin: false, abortSignal });
      const { stdout, stderr } = demultiplex(stream);
      const take = (line: string) => {
        if (output.length < LONGEST_OUTPUT) output += `${toPrintable(line)}\n`;
      };
      const stop = () => stream.destroy();
      abortSignal.addEventListener("abort", stop, { once: true });
      stream.on("error", () => {});
      await Promise.all([stdout, stderr].map((side) => forEachLine(side, LONGEST_LINE, take)));
    });
    // The output can end a moment before the Engine hears of the program's end.
    for (let asked = 0; asked < MOST_ASKED; asked++) {
      const answer = await engine.read("tell how a program ended", signal, (_docker, abortSignal) =>
        exec.inspect({ abortSignal }),
      );
      const { ExitCode, Running } = parsed(execSchema, answer);
      if (ExitCode != null && !Running) return { kind: "exited", code: ExitCode, output };
    }
    return { kind: "untold" };
  } catch (error) {
    if (wasRefusedWith(error, 404, 409)) return { kind: "not-running" };
    throw error;
  }
}
