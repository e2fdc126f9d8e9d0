import { rmSync } from "node:fs";
import { join } from "node:path";
import type { MachineFiles } from "../../src/gpu/machine-files.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** The /proc, /sys and /etc of an invented machine with one CPU, in a directory of its own. */
export class MachineTree implements Disposable {
  readonly #directory = new TemporaryDirectory("rigshift-machine");
  readonly files: MachineFiles = {
    proc: join(this.#directory.path, "proc"),
    sys: join(this.#directory.path, "sys"),
    etc: join(this.#directory.path, "etc"),
  };

  constructor() {
    this.write("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
    this.write("proc/sys/kernel/random/boot_id", "485eadc4-2231-43f2-80bc-d584dd46d58e\n");
    this.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Invented  CPU @ 3.00GHz\n\nprocessor\t: 1\n");
    this.ticks(0, 0);
  }

  write(path: string, content: string): void {
    this.#directory.write(path, content);
  }

  remove(path: string): void {
    rmSync(join(this.#directory.path, path), { recursive: true });
  }

  /** Sets the ticks since boot that the cores were busy and idle. */
  ticks(busy: number, idle: number): void {
    this.write("proc/stat", `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\n`);
  }

  /** Gives the CPU a package with an energy counter, or moves it. */
  package(number: number, microJoules: number, range: number | undefined = 262_143_328_850): void {
    const zone = `sys/class/powercap/intel-rapl:${number}`;
    this.write(`${zone}/name`, `package-${number}\n`);
    this.write(`${zone}/energy_uj`, `${microJoules}\n`);
    this.write(`${zone}/max_energy_range_uj`, `${range}\n`);
  }

  /** Gives the CPU a counter of the whole platform, or moves it. */
  platform(microJoules: number, range: number | undefined = 262_143_328_850): void {
    this.package(9, microJoules, range);
    this.write("sys/class/powercap/intel-rapl:9/name", "psys\n");
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
