/*
 * What reading eight GPUs costs: per call against the bare library, and as a share of one core at 10 Hz, beside polling
 * `nvidia-smi -q -x` once a second. Both sides are stand-ins, so the driver's own time is in neither. Exits with 1 when
 * a target is missed.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import koffi from "koffi";
import readLog from "node-nvidia-smi";
import { openNvml } from "../../src/gpu/nvml/source.ts";
import type { GpuSource } from "../../src/gpu/source.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { seconds } from "../../src/units/time.ts";
import { NvmlStandIn } from "../support/nvml/stand-in.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const GPUS = 8;
const HZ = 10;
const LOOKS = 5000;
const BATCHES = 20;
const SHARE_OVER = seconds(Number(process.env.BENCH_SECONDS ?? 10));
/** One look at one GPU: field values, utilisation, memory and programs; four more once a second. */
const CALLS = 4;
const TURNS = 3;
const { signal } = new AbortController();

interface Cost {
  readonly wallUs: number;
  readonly cpuUs: number;
}

/** CPU of all threads of this process, and of programs that it started and that ended, in microseconds. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  const ticks = Number(fields[13]) + Number(fields[14]);
  return user + system + ticks * 10_000;
}

/** Waiting is counted in batches, of which the quieter quarter stands: others on this machine only ever add to it. */
async function measure(times: number, work: () => Promise<unknown>): Promise<Cost> {
  for (let warm = 0; warm < times / 10; warm++) await work();
  const cpu = cpuUs();
  const walls: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now();
    for (let time = 0; time < times / BATCHES; time++) await work();
    walls.push(((performance.now() - start) * 1000 * BATCHES) / times);
  }
  const wallUs = walls.sort((a, b) => a - b)[BATCHES >> 2] ?? Number.NaN;
  return { wallUs, cpuUs: (cpuUs() - cpu) / times };
}

/** Percent of one core that `work` takes when it is done every `period` ms. */
async function shareOf(period: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const [cpu, start] = [cpuUs(), performance.now()];
  for (let next = start + period; performance.now() - start < SHARE_OVER; next += period) {
    await work();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  return (cpuUs() - cpu) / 10 / (performance.now() - start);
}

/** A timer alone, then with an open session, its wait for events included. In turns, because the machine may be busy. */
async function inTurns(library: string) {
  const timer: number[] = [];
  const looks: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    timer.push(await shareOf(1000 / HZ, () => Promise.resolve()));
    const source = await openNvml({ clock: systemClock, library });
    const look = await lookAtAll(source);
    // A thread of its own, so its code is compiled anew.
    await measure(LOOKS, look);
    looks.push(await shareOf(1000 / HZ, look));
    await source.close();
  }
  return { timer: median(timer), looks: median(looks) };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Nanoseconds of one look at every GPU by a program in C. */
function bareLook(standIn: NvmlStandIn, directory: TemporaryDirectory): number {
  const program = join(directory.path, "bare");
  const source = join(import.meta.dirname, "../support/nvml/bare.c");
  execFileSync("gcc", ["-O2", "-o", program, source, "-ldl"]);
  return Number(execFileSync(program, [standIn.library, String(LOOKS)], { encoding: "utf8" }));
}

/** The other way that was weighed: every call on a thread of the binding's pool. */
function oneByOne(standIn: NvmlStandIn): () => Promise<unknown> {
  const library = koffi.load(standIn.library);
  const handle = new BigUint64Array(1);
  library.func("int nvmlInit_v2()")();
  library.func("nvmlDeviceGetHandleByIndex_v2", "int", ["uint32_t", "void *"])(0, handle);
  const read = library.func("nvmlDeviceGetFieldValues", "int", ["void *", "int", "void *"]);
  const fields = Buffer.alloc(120);
  return () => new Promise((resolve) => read.async(handle[0], 3, fields, resolve));
}

/** A program `nvidia-smi` that prints eight GPUs at the length of the real one's. */
function putFakeOnPath(directory: TemporaryDirectory): void {
  const rows = Array.from({ length: 110 }, (_, row) => `<row_${row}><value>${row} MiB</value></row_${row}>`).join("\n");
  const power = "<gpu_power_readings><power_draw>100.00 W</power_draw></gpu_power_readings>";
  const gpu = (index: number) => `<gpu id="00000000:0${index}:00.0"><uuid>GPU-${index}</uuid>${power}${rows}</gpu>`;
  const log = Array.from({ length: GPUS }, (_, index) => gpu(index)).join("\n");
  const xml = directory.write("log.xml", `<?xml version="1.0" ?><nvidia_smi_log>${log}</nvidia_smi_log>\n`);
  chmodSync(directory.write("nvidia-smi", `#!/bin/sh\nexec cat ${xml}\n`), 0o755);
  process.env.PATH = `${directory.path}${delimiter}${process.env.PATH ?? ""}`;
}

const askNvidiaSmi = (): Promise<unknown> =>
  new Promise((resolve, reject) => readLog((error, log) => (error ? reject(error) : resolve(log))));

const lookAtAll = async (source: GpuSource): Promise<() => Promise<unknown>> => {
  const infos = await source.list(signal);
  return () => Promise.all(infos.map(({ uuid }) => source.read(uuid, signal)));
};

const round = (value: number): number => Math.round(value * 100) / 100;

async function run() {
  using directory = new TemporaryDirectory();
  const lines = Array.from({ length: GPUS }, (_, gpu) => [`gpu ${gpu} power 300`, `gpu ${gpu} process 4711 900`]);
  using standIn = new NvmlStandIn(lines.flat(), [], "real");
  const bareUs = bareLook(standIn, directory) / 1000;
  const source = await openNvml({ clock: systemClock, library: standIn.library });
  const look = await lookAtAll(source);
  const cost = await measure(LOOKS, look);
  const calls = GPUS * CALLS;
  await source.close();
  const shares = await inTurns(standIn.library);
  const pooled = await measure(LOOKS, oneByOne(standIn));
  putFakeOnPath(directory);
  const smi = await shareOf(1000, askNvidiaSmi);
  const libraryUsPerCall = bareUs / calls;
  return {
    bench: "telemetry",
    gpus: GPUS,
    hz: HZ,
    callsPerLook: calls,
    libraryUsPerCall: round(libraryUsPerCall),
    usPerCall: round(cost.wallUs / calls),
    overLibraryUsPerCall: round(cost.wallUs / calls - libraryUsPerCall),
    cpuOverLibraryUsPerCall: round(cost.cpuUs / calls - libraryUsPerCall),
    pooledOverLibraryUsPerCall: round(pooled.wallUs - libraryUsPerCall),
    lookWallUs: round(cost.wallUs),
    corePercent: round(shares.looks - shares.timer),
    corePercentWithTimer: round(shares.looks),
    corePercentOfTimerAlone: round(shares.timer),
    nvidiaSmiCorePercentAt1Hz: round(smi),
  };
}

/** What is measured, its bound, and what it is. */
const targetsOf = ({ overLibraryUsPerCall, corePercent }: Awaited<ReturnType<typeof run>>) => [
  { value: overLibraryUsPerCall, most: 5, what: "µs per call over the library" },
  { value: corePercent, most: 1, what: `% of a core for ${GPUS} GPUs at ${HZ} Hz` },
];

const result = await run();
const missed = targetsOf(result).filter(({ value, most }) => !(value <= most));
const rows: readonly (readonly [string, string])[] = [
  ["bare library, per call", `${result.libraryUsPerCall} µs`],
  ["Rigshift, per call (target: at most 5 µs over the library)", `${result.usPerCall} µs`],
  ["  over the library, waited", `${result.overLibraryUsPerCall} µs`],
  ["  over the library, of the CPU", `${result.cpuOverLibraryUsPerCall} µs`],
  ["one call at a time on the binding's thread pool, over the library", `${result.pooledOverLibraryUsPerCall} µs`],
  [`one look at ${GPUS} GPUs, ${result.callsPerLook} calls`, `${result.lookWallUs} µs`],
  [`${GPUS} GPUs at ${HZ} Hz (target: at most 1 % of a core)`, `${result.corePercent} %`],
  ["  together with the bench's own timer", `${result.corePercentWithTimer} %`],
  ["  that timer alone, no session open", `${result.corePercentOfTimerAlone} %`],
  ["nvidia-smi -q -x once a second, through node-nvidia-smi", `${result.nvidiaSmiCorePercentAt1Hz} %`],
];
const width = Math.max(...rows.map(([label]) => label.length));
console.log(JSON.stringify({ ...result, met: missed.length === 0 }));
console.log(rows.map(([label, value]) => `${label.padEnd(width)}  ${value.padStart(10)}`).join("\n"));
for (const { value, most, what } of missed)
  console.error(`missed: ${value} ${what}, ${round(value - most)} above the target of ${most}`);
process.exitCode = missed.length === 0 ? 0 : 1;
