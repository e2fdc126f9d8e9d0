import type { GpuView, ModeName, WorkloadName } from "../api/shapes.ts";

/** What a GPU is doing, as one of the few things worth a colour of their own. */
export type Tone = "hashing" | "inference" | "handover" | "rented" | "listed" | "idle" | "faulted";

const ON_THE_WAY = new Set(["acquiring", "warming", "draining", "releasing", "verifying-free"]);

export function toTone({ state, workload, health }: Pick<GpuView, "state" | "workload" | "health">): Tone {
  if (state === "faulted" || health === "lost" || health === "reset-required") return "faulted";
  if (ON_THE_WAY.has(state)) return "handover";
  if (state === "listed") return "listed";
  if (state === "rented" || workload === "external" || workload === "lease") return "rented";
  if (workload === "hashing" || workload === "inference") return workload;
  return "idle";
}

const LABELS: Readonly<Record<Tone, string>> = {
  hashing: "Hashing",
  inference: "Inference",
  handover: "Handing over",
  rented: "Rented out",
  listed: "Waits for a customer",
  idle: "Rest",
  faulted: "Faulted",
};

export const toToneLabel = (tone: Tone): string => LABELS[tone];

const WORKLOADS: Readonly<Record<WorkloadName, string>> = {
  hashing: "hashing",
  inference: "inference",
  lease: "lease",
  external: "rental",
  none: "rest",
};

export const toWorkloadLabel = (workload: WorkloadName): string => WORKLOADS[workload] ?? workload;

/** With the flight sheet's name, where it has one. */
export const toWorkLabel = (workload: WorkloadName, name: string | null): string =>
  name === null ? toWorkloadLabel(workload) : `${toWorkloadLabel(workload)} ${name}`;

export interface ModeWords {
  readonly name: ModeName;
  readonly label: string;
  /** One sentence on what the mode does. */
  readonly meaning: string;
}

/** The modes a person may choose on the page, in the order of the buttons. */
export const MODES: readonly ModeWords[] = [
  { name: "observe", label: "Observe", meaning: "Reads, values and decides, and touches nothing on the rig." },
  { name: "auto", label: "Auto", meaning: "Every GPU does what pays most after electricity." },
  { name: "mine", label: "Mine", meaning: "Every GPU hashes; requests are turned away." },
  { name: "serve", label: "Serve", meaning: "Every GPU stays with inference." },
  { name: "pause", label: "Pause", meaning: "No work is started; what runs is brought to an end." },
];

const RELEASE: ModeWords = {
  name: "release",
  label: "Released",
  meaning: "The agent has let go of the GPUs, for work on the driver.",
};

export const wordsOf = (mode: ModeName): ModeWords => MODES.find(({ name }) => name === mode) ?? RELEASE;
