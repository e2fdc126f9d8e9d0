import { type NvmlParts, openNvml } from "../../../src/gpu/nvml/source.ts";
import type { GpuEvent, GpuInfo, GpuReading, GpuSource } from "../../../src/gpu/source.ts";
import { millis } from "../../../src/units/time.ts";
import { MachineTree } from "../machine-tree.ts";
import { ManualClock } from "../manual-clock.ts";
import { type Missing, NvmlStandIn } from "./stand-in.ts";

const { signal } = new AbortController();

export interface OpenOptions {
  readonly missing?: readonly Missing[];
  readonly parts?: Partial<NvmlParts>;
  readonly prepare?: (machine: MachineTree) => void;
}

/** A stand-in with the product's own binding on top, a manual clock, and slow values read every time. */
export class OpenedNvml implements AsyncDisposable {
  readonly standIn: NvmlStandIn;
  readonly machine: MachineTree;
  readonly clock: ManualClock;
  readonly source: GpuSource;
  readonly infos: readonly GpuInfo[];
  readonly events: GpuEvent[] = [];

  private constructor(given: Pick<OpenedNvml, "standIn" | "machine" | "clock" | "source" | "infos">) {
    this.standIn = given.standIn;
    this.machine = given.machine;
    this.clock = given.clock;
    this.source = given.source;
    this.infos = given.infos;
    this.source.onEvent?.((event) => this.events.push(event));
  }

  static async open(lines: readonly string[], { missing = [], parts, prepare }: OpenOptions = {}): Promise<OpenedNvml> {
    const standIn = new NvmlStandIn(lines, missing);
    const machine = new MachineTree();
    machine.write("sys/module/nvidia/initstate", "live\n");
    prepare?.(machine);
    const clock = new ManualClock();
    const settings = { slowEvery: millis(0), retry: [millis(1000), millis(8000)] as const };
    const source = await openNvml({ clock, library: standIn.library, files: machine.files, ...settings, ...parts });
    return new OpenedNvml({ standIn, machine, clock, source, infos: await source.list(signal) });
  }

  info(index = 0): GpuInfo {
    const info = this.infos.find((one) => one.index === index);
    if (info === undefined) throw new Error(`no GPU ${index}`);
    return info;
  }

  read(index = 0): Promise<GpuReading> {
    return this.source.read(this.info(index).uuid, signal);
  }

  /** Moves the script's time and the agent's clock on together. */
  async at(time: number): Promise<void> {
    this.standIn.at(time);
    await this.clock.advance(time - this.clock.monotonic());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source.close();
    this.machine[Symbol.dispose]();
    this.standIn[Symbol.dispose]();
  }
}
