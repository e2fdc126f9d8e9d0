import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { GpuUuid } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { milliJoules, watts } from "../../units/energy.ts";
import type { Millis } from "../../units/time.ts";
import { architectureName } from "../architecture.ts";
import { GpuError } from "../errors.ts";
import type { GpuEvent, GpuHealth, GpuInfo, GpuProcess, GpuReading, GpuSource, ReleaseOutcome } from "../source.ts";
import { type FindGpu, SimulatedControl, settle } from "./control.ts";
import { capped, energyAt, fixedTime, machineAt, powerAt, type SimulatedGpu } from "./machine.ts";
import { parseScript, type Script } from "./script.ts";

export interface SimulatedParts {
  readonly clock: Clock;
  /** Absent: one GPU that draws 25 W. */
  readonly scriptFile?: string;
}

const DEFAULT_SCRIPT =
  "gpu 0 power 25\ngpu 0 vram 8192\ngpu 0 limit 200\ngpu 0 temperature 35\ngpu 0 fan 0\ngpu 0 clocks 1500 7000\n";

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
  readonly control = new SimulatedControl((uuid) => this.#findReachable(uuid));
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
  #isReleased = false;
  #reloads = 0;

  constructor(script: Script, clock: Clock) {
    this.#script = script;
    this.#clock = clock;
    this.#opened = clock.monotonic();
    const { gpus, reloads } = machineAt(script, this.#now());
    this.#reloads = reloads;
    this.#infos = new Map([...gpus].map(([index, gpu]) => toInfo(index, gpu)).map((info) => [info.uuid, info]));
    for (const [uuid, { index }] of this.#infos) {
      const xids = gpus.get(index)?.xids.length ?? 0;
      this.#told.set(uuid, { reads: 0, xids, energy: 0, resets: 0, health: "ok" });
    }
  }

  get driverVersion(): string | undefined {
    return machineAt(this.#script, this.#now()).driver;
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

  release(): Promise<ReleaseOutcome> {
    this.#isReleased = true;
    return Promise.resolve({ kind: "released" });
  }

  resume(): Promise<void> {
    this.#isReleased = false;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }

  #now(): number {
    return fixedTime(this.#script) ?? this.#clock.monotonic() - this.#opened;
  }

  #look(uuid: GpuUuid) {
    const info = this.#infos.get(uuid);
    const told = this.#told.get(uuid);
    const now = this.#now();
    const { driver, gpus, reloads } = machineAt(this.#script, now);
    const gpu = info && gpus.get(info.index);
    if (gpu === undefined || told === undefined) {
      const mend = "list the devices with: rigshift gpus";
      throw new GpuError(`no GPU ${uuid}`, { code: "ERR_GPU_UNKNOWN", uuid, mend });
    }
    if (reloads !== this.#reloads) this.control.forget();
    this.#reloads = reloads;
    return { gpu, told, now, driver, reloads };
  }

  #findReachable(uuid: GpuUuid): ReturnType<FindGpu> {
    const { gpu, told, now } = this.#look(uuid);
    return this.#isReleased || healthOf(gpu, told.reads) !== "ok" ? undefined : { gpu, now };
  }

  #read(uuid: GpuUuid): GpuReading {
    const { gpu: scripted, told, now, driver, reloads } = this.#look(uuid);
    const caps = this.control.capsOf(uuid);
    const gpu = capped(scripted, caps);
    told.reads += this.#isReleased ? 0 : 1;
    const health = this.#isReleased ? "unknown" : healthOf(gpu, told.reads);
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
    if (health !== "ok") return { uuid, at, monotonic, health, epoch };
    const values = valuesOf(gpu, { now, energy, limit: caps.at(-1)?.watts ?? gpu.numbers.get("limit") });
    return {
      uuid,
      at,
      monotonic,
      health,
      epoch,
      ...values,
      ...(driver === undefined ? {} : { driverVersion: driver }),
    };
  }

  #tell(event: GpuEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

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

interface Moment {
  readonly now: number;
  readonly energy: number;
  readonly limit: number | undefined;
}

function valuesOf(gpu: SimulatedGpu, { now, energy, limit }: Moment): Partial<GpuReading> {
  const { numbers, texts, refusedFields } = gpu;
  const power = powerAt(gpu, now);
  const averageOrDraw = refusedFields.has(AVERAGE) ? "draw" : "average";
  const powerField = refusedFields.has(INSTANT) ? averageOrDraw : "instant";
  const utilizationPercent = texts.get("mig") === "on" ? undefined : numbers.get("utilization");
  const [temperatureC, fanPercent, vramUsedMiB] = ["temperature", "fan", "used"].map((key) => numbers.get(key));
  const known = { temperatureC, fanPercent, vramUsedMiB, utilizationPercent };
  return {
    ...(power === undefined ? {} : { power: watts(power), powerField }),
    ...(limit === undefined ? {} : { powerLimit: watts(limit) }),
    ...(refusedFields.has(ENERGY) ? {} : { energy: milliJoules(energy), energyBasis: "counter" }),
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
    processes: processesOf(gpu),
  };
}

const processesOf = ({ processes, drawing, shares, texts }: SimulatedGpu): readonly GpuProcess[] =>
  [...processes].map(([pid, usedMiB]) => {
    const share = texts.get("mig") === "on" ? undefined : shares.get(pid);
    return {
      pid,
      ...(usedMiB === undefined ? {} : { usedMiB }),
      ...(share ? { smUtilizationPercent: share } : {}),
      ...(drawing.has(pid) ? { onlyDraws: true } : {}),
    };
  });
