import { createHash } from "node:crypto";
import { z } from "zod";
import type { GpuUuid } from "../../ledger/rows.ts";
import type { WorkRole, WorkSpec } from "../driver.ts";

/** What marks a container as ours; whatever lacks one of these is never touched. */
export const LABEL = {
  rig: "rigshift.rig",
  gpu: "rigshift.gpu",
  role: "rigshift.role",
  spec: "rigshift.spec",
  work: "rigshift.work",
  sheet: "rigshift.sheet",
  probe: "rigshift.probe",
} as const;

export interface Labels {
  readonly name: string;
  readonly role: WorkRole;
  readonly sheet?: string;
  /** Those it sees, or the one device that it is booked on. */
  readonly gpus: readonly GpuUuid[];
  /** Hash of everything that makes two specs the same container. */
  readonly fingerprint: string;
  /** Its own way to be asked for its GPUs; absent where it has none. */
  readonly gpuProbe?: readonly string[];
}

const LONGEST_PROBE = 4096;

export const toLabels = (rig: string, spec: WorkSpec, fingerprint: string): Record<string, string> => ({
  [LABEL.rig]: rig,
  [LABEL.gpu]: spec.container?.gpus.length ? spec.container.gpus.join(",") : spec.gpu,
  [LABEL.role]: spec.role,
  [LABEL.spec]: fingerprint,
  [LABEL.work]: spec.name,
  ...(spec.sheet === undefined ? {} : { [LABEL.sheet]: spec.sheet }),
  ...probeLabel(spec.container?.gpuProbe),
});

function probeLabel(command: readonly string[] | undefined): Record<string, string> {
  const text = JSON.stringify(command ?? null);
  return command === undefined || text.length > LONGEST_PROBE ? {} : { [LABEL.probe]: text };
}

const probeSchema = z.array(z.string()).min(1).max(64);

/** Undefined for what is no command: then the usual ways are tried. */
function readProbe(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text.length > LONGEST_PROBE) return undefined;
  try {
    return probeSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const schema = z.object({
  [LABEL.gpu]: z.string().regex(/^(GPU|MIG|CPU|SIM)-[^,]+(,(GPU|MIG|CPU|SIM)-[^,]+)*$/),
  [LABEL.role]: z.enum(["miner", "engine"]),
  [LABEL.spec]: z.string().regex(/^[0-9a-f]{64}$/),
  [LABEL.work]: z.string().min(1),
  [LABEL.sheet]: z.string().max(64).optional(),
});

/** Reads our labels back; undefined for a container that is not this rig's, whatever it claims otherwise. */
export function readLabels(rig: string, labels: Readonly<Record<string, string>>): Labels | undefined {
  if (labels[LABEL.rig] !== rig) return undefined;
  const parsed = schema.safeParse(labels);
  if (!parsed.success) return undefined;
  const sheet = parsed.data[LABEL.sheet];
  const gpuProbe = readProbe(labels[LABEL.probe]);
  return {
    ...(gpuProbe === undefined ? {} : { gpuProbe }),
    ...(sheet === undefined ? {} : { sheet }),
    name: parsed.data[LABEL.work],
    role: parsed.data[LABEL.role],
    gpus: parsed.data[LABEL.gpu].split(",") as GpuUuid[],
    fingerprint: parsed.data[LABEL.spec],
  };
}

/** An image can carry labels too, so a container is ours only when its name is the one we would give it as well. */
export const containerName = (rig: string, work: string): string =>
  `rigshift-${sha256(rig).slice(0, 8)}-${work.replace(/[^a-zA-Z0-9_.-]/g, "-").slice(0, 64)}-${sha256(work).slice(0, 8)}`;

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
