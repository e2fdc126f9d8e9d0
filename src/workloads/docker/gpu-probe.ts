import type { ContainerPart, ProbeResult } from "../driver.ts";

/** What one way to ask has told. */
export type GpuVerdict =
  | { readonly kind: "has" }
  | { readonly kind: "lost"; readonly loss: string }
  | { readonly kind: "cannot-tell" };

type Exited = Extract<ProbeResult, { kind: "exited" }>;

/** A program inside the container, and what its end means. */
export interface ProbeWay {
  readonly command: readonly string[];
  judge(result: Exited): GpuVerdict;
}

/** How to ask from inside whether a container still has its GPUs: the first way that can tell is the one. */
export interface GpuProbe {
  readonly ways: readonly ProbeWay[];
}

/** What lets the loss of a GPU be noticed. */
export const PROBE_MEND = "put a shell or Node into its image";

const HAS: GpuVerdict = { kind: "has" };
const CANNOT_TELL: GpuVerdict = { kind: "cannot-tell" };
const lost = (loss: string): GpuVerdict => ({ kind: "lost", loss });

const NO_SUCH_PROGRAM: ReadonlySet<number> = new Set([126, 127]);
const LONGEST = 200;

/** Opens what NVIDIA's driver is spoken to through; the files stay when a container loses its right to them. */
const IN_SHELL =
  'n=; for d in /dev/nvidiactl /dev/nvidia[0-9]*; do [ -c "$d" ] || continue; n=1; (: <"$d") || exit 1; done; [ -n "$n" ] || exit 2';
const IN_NODE =
  'const fs = require("node:fs"); const all = fs.readdirSync("/dev").filter((name) => /^nvidia(ctl|\\d+)$/.test(name)); ' +
  'for (const name of all) fs.closeSync(fs.openSync("/dev/" + name, "r")); process.exitCode = all.length > 0 ? 0 : 2;';

/** What the kernel says where a control group has lost a device, and hardly anything else does. */
const NOT_PERMITTED = /^.*operation not permitted.*$/im;

/** The container's own way, or what its image may have; undefined where there is nothing to lose. */
export function gpuProbeOf({ gpus, gpuProbe }: Pick<ContainerPart, "gpus" | "gpuProbe">): GpuProbe | undefined {
  if (gpuProbe !== undefined) return { ways: [{ command: gpuProbe, judge: judgeOwn }] };
  const uuids = gpus.filter((uuid) => /^(GPU|MIG)-/.test(uuid));
  if (uuids.length === 0) return undefined;
  return {
    ways: [
      { command: ["nvidia-smi", "-L"], judge: (result) => judgeList(uuids, result) },
      { command: ["sh", "-c", IN_SHELL], judge: judgeFiles },
      { command: ["node", "-e", IN_NODE], judge: judgeFiles },
    ],
  };
}

function judgeOwn({ code, output }: Exited): GpuVerdict {
  if (NO_SUCH_PROGRAM.has(code)) return CANNOT_TELL;
  return code === 0 ? HAS : lost(output.trim().slice(0, LONGEST) || `its probe ended with exit code ${code}`);
}

function judgeList(uuids: readonly string[], result: Exited): GpuVerdict {
  const verdict = judgeOwn(result);
  const missing = uuids.find((uuid) => !result.output.includes(uuid));
  return verdict.kind === "has" && missing !== undefined ? lost(`${missing} is not listed any more`) : verdict;
}

/** Only what a lost device answers is a loss: an image may have its reasons for anything else. */
function judgeFiles({ code, output }: Exited): GpuVerdict {
  if (code === 0) return HAS;
  const refusal = NOT_PERMITTED.exec(output)?.[0].trim().slice(0, LONGEST);
  return refusal === undefined ? CANNOT_TELL : lost(`its device files cannot be opened: ${refusal}`);
}
