import { copyFileSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { compiled } from "../compiled.ts";
import { onPath, type Requirement } from "../requirement.ts";
import { TemporaryDirectory } from "../temporary-directory.ts";

/** Builds the stand-in; the product itself compiles nothing. */
export const compiler: Requirement = {
  name: "gcc",
  mend: "install it with your system's packages, on Debian: apt-get install gcc libc6-dev",
  expectedInCi: true,
  present: () => onPath("gcc"),
};

/** What an older or newer driver's library lacks; its symbol is not there at all. */
export type Missing =
  | "WITHOUT_HANDLE_BY_BUS_ID"
  | "WITHOUT_ARCHITECTURE"
  | "WITHOUT_POWER_USAGE"
  | "WITHOUT_TOTAL_ENERGY"
  | "WITHOUT_LIMIT"
  | "WITHOUT_FAN"
  | "WITHOUT_TEMPERATURE"
  | "WITHOUT_MIG"
  | "WITHOUT_MEMORY_V2"
  | "WITHOUT_FIELDS"
  | "WITHOUT_PROCESSES_V2"
  | "WITHOUT_MEMORY_LOCK"
  | "WITHOUT_EVENTS"
  /** Drivers 535.43 to 535.86 write 32 bytes per process under the name of the 24-byte layout. */
  | "PROCESSES_V3_OF_32_BYTES";

function build(missing: readonly Missing[]): string {
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"];
  return compiled({
    compiler: "gcc",
    flags: [...flags, ...missing.map((name) => `-D${name}`), "-Wl,-soname,libnvidia-ml.so.1"],
    sources: ["nvml.c", "control.c", "script.c"].map((name) => `test/support/nvml/${name}`),
    libraries: ["-lm", "-lpthread", "-ldl"],
  });
}

/**
 * A `libnvidia-ml.so.1` of our own that does what its script says, in a directory of its own. Lines of the script, each
 * with an optional `@MS` in front from when on it holds:
 *
 *     time MS                            the moment it is now; without it, time since the first call
 *     driver VERSION | reload            a new session is needed after a reload, and counters begin at 0
 *     upgrade VERSION                    a reload by another version: copies of the library loaded before it refuse
 *     gpu N uuid|name|pci|architecture|limit|temperature|fan|utilization|vram|used|mig VALUE
 *     gpu N power W | pulse PERIOD_MS LOW_W HIGH_W DUTY
 *     gpu N tick MS | energy MJ          how often the counter moves; what it holds now
 *     gpu N process|graphics PID [MIB] | exit PID
 *     gpu N runs PID MIB                 a program of this machine: there, with its memory, while it lives
 *     gpu N sm PID PERCENT               the program's share of the cores
 *     gpu N limit-range LOW HIGH | clocks GRAPHICS MEMORY | control allowed|no-permission|not-supported
 *     gpu N state ok|lost|reset-required|gone | lost-after CALLS | xid NUMBER
 *     gpu N field FIELD CODE             the answer of one field value
 *     delay FUNCTION MS [N] | hang FUNCTION [N] | hide FUNCTION | refuse FUNCTION CODE [N]     FUNCTION or *
 */
export class NvmlStandIn implements Disposable {
  readonly #directory = new TemporaryDirectory("rigshift-nvml");
  readonly library = join(this.#directory.path, "libnvidia-ml.so.1");
  readonly #script = `${this.library}.script`;
  /** Held, so that its counts outlive the threads that use it. */
  #loaded: LibraryHandle | undefined;
  #lines: readonly string[] = [];
  #revision = 0;
  #time: number | undefined;

  /** `time` absent lets the script's time run with the machine's. */
  constructor(
    lines: readonly string[] = ["gpu 0 power 100"],
    missing: readonly Missing[] = [],
    time: number | "real" = 0,
  ) {
    // A file of its own: the loader tells libraries apart by their file, so each stand-in has a state of its own.
    copyFileSync(build(missing), this.library);
    this.#time = time === "real" ? undefined : time;
    this.says(...lines);
    this.#loaded = koffi.load(this.library);
  }

  /** Replaces the script. */
  says(...lines: readonly string[]): void {
    this.#lines = lines;
    const time = this.#time === undefined ? [] : [`time ${this.#time}`];
    const next = `${this.#script}.next`;
    writeFileSync(next, `${[...time, ...lines].join("\n")}\n`);
    // The library looks for another time of change, and two writes may fall within one tick of the file system.
    this.#revision += 1;
    utimesSync(next, this.#revision, this.#revision);
    renameSync(next, this.#script);
  }

  /** Adds to the script. */
  adds(...lines: readonly string[]): void {
    this.says(...this.#lines, ...lines);
  }

  at(time: number): void {
    this.#time = time;
    this.says(...this.#lines);
  }

  /** How often `function` was called in this process. */
  calls(name: string): number {
    return Number(this.#ask("int standInCalls(const char *)", name));
  }

  /** How many calls of `function` were ever under way at once. */
  mostInside(name: string): number {
    return Number(this.#ask("int standInMostInside(const char *)", name));
  }

  /** Sessions and event sets that nobody closed. */
  leftOpen(): { readonly sessions: number; readonly eventSets: number } {
    return {
      sessions: Number(this.#ask("int standInReferences()")),
      eventSets: Number(this.#ask("int standInOpenSets()")),
    };
  }

  /** What the caller set and did not reset: watts, and the bounds of locked clocks in MHz; 0 where nothing is. */
  wasSet(gpu = 0): {
    readonly limitW: number;
    readonly graphics: readonly number[];
    readonly memory: readonly number[];
  } {
    const lock = (domain: number, edge: number) =>
      Number(this.#ask("int standInLock(int, int, int)", gpu, domain, edge));
    return {
      limitW: Number(this.#ask("double standInLimit(int)", gpu)),
      graphics: [lock(0, 0), lock(0, 1)],
      memory: [lock(1, 0), lock(1, 1)],
    };
  }

  /** From now on only the product holds the library, so that its unloading ends this copy of it. */
  letGo(): void {
    this.#loaded?.unload();
    this.#loaded = undefined;
  }

  /** Whether anybody in this process has the library loaded. */
  get isLoaded(): boolean {
    return readFileSync("/proc/self/maps", "utf8").includes(this.library);
  }

  #ask(definition: string, ...args: readonly (string | number)[]): unknown {
    this.#loaded ??= koffi.load(this.library);
    return this.#loaded.func(definition)(...args);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
