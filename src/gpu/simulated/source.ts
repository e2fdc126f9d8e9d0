import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { GpuUuid } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { milliJoules, watts } from "../../units/energy.ts";
import type { Millis } from "../../units/time.ts";
import { architectureName } from "../architecture.ts";
import { GpuError } from "../errors.ts";
import type { GpuEvent, GpuHealth, GpuInfo, GpuReading, GpuSource } from "../source.ts";
import { energyAt, fixedTime, machineAt, powerAt, type SimulatedGpu } from "./machine.ts";
import { parseScript, type Script } from "./script.ts";

export interface SimulatedParts {
  readonly clock: Clock;
  /** Absent: one GPU that draws 25 W. */
  readonly scriptFile?: string;
}

const DEFAULT_SCRIPT = "gpu 0 power 25\ngpu 0 vram 8192\ngpu 0 limit 200\ngpu 0 temperature 35\ngpu 0 fan 0\n";

/** GPUs that only exist in a script, for machines without any; their ids begin with `SIM-` wherever they are shown. */
export function openSimulated({ clock, scriptFile }: SimulatedParts): GpuSource {
  const script = scriptFile === undefined ? parseScript(DEFAULT_SCRIPT, "default") : readScript(scriptFile);
  return new SimulatedSource(script, clock);
}

function readScript(file: string): Script {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const mend = "name a readable script in gpus.script";
    throw new GpuError(`${file}: ${messageOf(error)}`, { code: "ERR_GPU_SCRIPT", file, mend }, { cause: error });
  }
  return parseScript(text, file);
}

/** The driver's numbers of what a reading prefers. */
const ENERGY = 83;
const AVERAGE = 185;
const INSTANT = 186;

/** Everything follows from the script and the time since it was opened; the state only remembers what was told. */
class SimulatedSource implements GpuSource {
  readonly kind = "simulated";
  readonly driverVersion: string | undefined;
  readonly #script: Script;
  readonly #clock: Clock;
  readonly #opened: Millis;
  readonly #epoch = randomUUID();
  readonly #infos: ReadonlyMap<GpuUuid, GpuInfo>;
  readonly #told = new Map<
    GpuUuid,
    { reads: number; xids: number; energy: number; resets: number; health: GpuHealth }
  >();
  readonly #listeners = new Set<(event: GpuEvent) => void>();

  constructor(script: Script, clock: Clock) {
    this.#script = script;
    this.#clock = clock;
    this.#opened = clock.monotonic();
    const { driver, gpus } = machineAt(script, this.#now());
    this.driverVersion = driver;
    this.#infos = new Map([...gpus].map(([index, gpu]) => toInfo(index, gpu)).map((info) => [info.uuid, info]));
    for (const [uuid, { index }] of this.#infos) {
      const xids = gpus.get(index)?.xids.length ?? 0;
      this.#told.set(uuid, { reads: 0, xids, energy: 0, resets: 0, health: "ok" });
    }
  }

  list(signal: AbortSignal): Promise<readonly GpuInfo[]> {
    return settle(signal, () => [...this.#infos.values()]);
  }

  read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading> {
    return settle(signal, () => this.#read(uuid));
  }

  onEvent(listener: (event: GpuEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }

  #now(): number {
    return fixedTime(this.#script) ?? this.#clock.monotonic() - this.#opened;
  }

  #read(uuid: GpuUuid): GpuReading {
    const info = this.#infos.get(uuid);
    const told = this.#told.get(uuid);
    const now = this.#now();
    const { gpus, reloads } = machineAt(this.#script, now);
    const gpu = info && gpus.get(info.index);
    if (gpu === undefined || told === undefined) {
      const mend = "list the devices with: rigshift gpus";
      throw new GpuError(`no GPU ${uuid}`, { code: "ERR_GPU_UNKNOWN", uuid, mend });
    }
    told.reads += 1;
    const health = healthOf(gpu, told.reads);
    const energy = energyAt(gpu, now);
    if (health === "ok") {
      if (energy < told.energy) told.resets += 1;
      told.energy = energy;
    }
    const { at, monotonic } = { at: this.#clock.now(), monotonic: this.#clock.monotonic() };
    for (const xid of gpu.xids.slice(told.xids)) this.#tell({ kind: "xid", uuid, at, xid });
    told.xids = gpu.xids.length;
    if (health !== told.health) this.#tell({ kind: "health", uuid, at, health });
    told.health = health;
    const epoch = `${this.#epoch}/${reloads}/${told.resets}`;
    return { uuid, at, monotonic, health, epoch, ...(health === "ok" ? valuesOf(gpu, { now, energy }) : {}) };
  }

  #tell(event: GpuEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

const settle = <T>(signal: AbortSignal, read: () => T): Promise<T> =>
  new Promise((resolve) => {
    signal.throwIfAborted();
    resolve(read());
  });

function toInfo(index: number, { texts, numbers }: SimulatedGpu): GpuInfo {
  const id =
    texts.get("uuid")?.replace(/^(GPU|SIM)-/, "") ?? `00000000-0000-0000-0000-${String(index).padStart(12, "0")}`;
  const architecture = architectureName(numbers.get("architecture") ?? 0);
  const pciBusId = texts.get("pci");
  const vramTotalMiB = numbers.get("vram");
  const mig = texts.get("mig");
  return {
    uuid: `SIM-${id}`,
    index,
    name: texts.get("name") ?? "Simulated GPU",
    ...(architecture === undefined ? {} : { architecture }),
    ...(pciBusId === undefined ? {} : { pciBusId }),
    ...(vramTotalMiB === undefined ? {} : { vramTotalMiB }),
    ...(mig === undefined ? {} : { migEnabled: mig === "on" }),
  };
}

function healthOf({ texts, numbers }: SimulatedGpu, reads: number): GpuHealth {
  if (reads > (numbers.get("lost-after") ?? Number.POSITIVE_INFINITY)) return "lost";
  const state = texts.get("state");
  if (state === "reset-required") return state;
  return state === "lost" || state === "gone" ? "lost" : "ok";
}

function valuesOf(gpu: SimulatedGpu, { now, energy }: { now: number; energy: number }): Partial<GpuReading> {
  const { numbers, texts, processes, refusedFields } = gpu;
  const power = powerAt(gpu, now);
  const averageOrDraw = refusedFields.has(AVERAGE) ? "draw" : "average";
  const powerField = refusedFields.has(INSTANT) ? averageOrDraw : "instant";
  const limit = numbers.get("limit");
  const utilizationPercent = texts.get("mig") === "on" ? undefined : numbers.get("utilization");
  const [temperatureC, fanPercent, vramUsedMiB] = ["temperature", "fan", "used"].map((key) => numbers.get(key));
  const known = { temperatureC, fanPercent, vramUsedMiB, utilizationPercent };
  return {
    ...(power === undefined ? {} : { power: watts(power), powerField }),
    ...(limit === undefined ? {} : { powerLimit: watts(limit) }),
    ...(refusedFields.has(ENERGY) ? {} : { energy: milliJoules(energy), energyBasis: "counter" }),
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
    processes: [...processes].map(([pid, usedMiB]) => (usedMiB === undefined ? { pid } : { pid, usedMiB })),
  };
}
