import { type MachineFiles, readText } from "./machine-files.ts";

/** Kernel ticks since boot, of all cores together. */
export interface CpuTicks {
  readonly busy: number;
  readonly total: number;
}

/** Reads how long the cores were busy; time that a hypervisor took away counts as not busy. */
export function readTicks({ proc }: MachineFiles): CpuTicks | undefined {
  const [label, ...fields] = readText(proc, "stat")?.split("\n", 1)[0]?.split(/\s+/) ?? [];
  // user nice system idle iowait irq softirq steal; the guest fields behind them are already inside user and nice.
  const ticks = fields.slice(0, 8).map(Number);
  if (label !== "cpu" || ticks.length < 4 || !ticks.every(Number.isSafeInteger)) return undefined;
  const total = ticks.reduce((sum, value) => sum + value, 0);
  const [, , , idle = 0, iowait = 0, , , steal = 0] = ticks;
  return { busy: total - idle - iowait - steal, total };
}

/** The busy share of the time in between, 0 to 1; undefined when no tick passed. */
export function loadBetween(before: CpuTicks, after: CpuTicks): number | undefined {
  const total = after.total - before.total;
  if (total <= 0) return undefined;
  return Math.min(1, Math.max(0, (after.busy - before.busy) / total));
}
