import type { GpuUuid } from "../../ledger/rows.ts";
import { withDeadline } from "../../lib/wait.ts";
import type { Watts } from "../../units/energy.ts";
import { type Millis, seconds } from "../../units/time.ts";
import type {
  ClockDomain,
  ClockLock,
  ControlOutcome,
  GpuControl,
  GpuInfo,
  GpuSettings,
  SettingsWish,
} from "../source.ts";
import type { RunTool, ToolEnd } from "./tool.ts";

export interface HiveControlParts {
  /** The tool's file. */
  readonly tool: string;
  readonly run: RunTool;
  readonly gpus: (signal: AbortSignal) => Promise<readonly GpuInfo[]>;
  /** The driver's own way, for reading the limits; absent where there is none. */
  readonly driver: Pick<GpuControl, "readSettings"> | undefined;
  /** Of one run of the tool, from its turn on; 5 s when absent. */
  readonly callTimeout?: Millis;
}

const CALL_TIMEOUT = seconds(5);

const SET = { graphics: "--setclocks", memory: "--setmem" } as const satisfies Record<ClockDomain, string>;
const LOCKED = {
  graphics: /^\s*GPU clocks locked\D*(\d{1,5})/im,
  memory: /^\s*MEM clocks locked\D*(\d{1,5})/im,
} as const satisfies Record<ClockDomain, RegExp>;
/** Hive OS's own scripts take this one as "not by this card". */
const NOT_SUPPORTED = 3;
const NOT_ALLOWED = /root|permission/i;
const OUT_OF_RANGE: ControlOutcome = { kind: "refused", reason: "out-of-range" };
const UNAVAILABLE: ControlOutcome = { kind: "unavailable" };

/**
 * Sets limits and clocks with Hive OS's own tool, so that Hive OS knows of them. One call at a time; one whose caller
 * gave up is killed before the next begins.
 */
export class HiveControl implements GpuControl {
  readonly keepsTime = true;
  readonly #parts: HiveControlParts;
  /** Whether the tool told what is locked when it was asked last. */
  readonly #tellsLocks = new Map<GpuUuid, boolean>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: HiveControlParts) {
    this.#parts = parts;
  }

  /** With the clocks that Hive OS has locked: 0 where none is. Throws where the driver or the tool does not answer. */
  async readSettings(uuid: GpuUuid, signal: AbortSignal): Promise<GpuSettings> {
    const known = await this.#parts.driver?.readSettings(uuid, this.#deadline(signal));
    // What is locked is no use without what the driver could not tell.
    if (known !== undefined && Object.keys(known).length === 0) throw new Error("the driver tells nothing of the GPU");
    const ended = await this.#run(uuid, ["--getclocks"], signal);
    if (ended.kind === "not-run") throw new Error(`Hive OS's tool did not answer: ${ended.reason}`);
    this.#tellsLocks.set(uuid, ended.exitCode === 0);
    if (ended.exitCode !== 0) return known ?? {};
    const locked = (domain: ClockDomain) => Number(LOCKED[domain].exec(ended.output)?.[1] ?? 0);
    return { ...known, graphicsLockMhz: locked("graphics"), memoryLockMhz: locked("memory") };
  }

  setPowerLimit(uuid: GpuUuid, powerLimit: Watts, signal: AbortSignal): Promise<ControlOutcome> {
    return this.setAll(uuid, { powerLimit }, signal);
  }

  /** In one run of the tool: a rig of twelve takes turns. */
  async setAll(uuid: GpuUuid, wish: SettingsWish, signal: AbortSignal): Promise<ControlOutcome> {
    const { powerLimit, graphicsMhz, memoryMhz } = wish;
    if (powerLimit !== undefined && !(powerLimit >= 1 && powerLimit < 10_000)) return OUT_OF_RANGE;
    const wanted = powerLimit === undefined ? undefined : Math.round(powerLimit);
    const values = [
      ["--setpl", wanted],
      [SET.graphics, graphicsMhz],
      [SET.memory, memoryMhz],
    ] as const;
    const args = values.flatMap(([option, value]) => (value === undefined ? [] : [option, String(value)]));
    const outcome = await this.#set(uuid, args, signal);
    if (outcome.kind !== "done" || wanted === undefined) return outcome;
    // The tool's word is not enough: it also ends well where it clamps.
    const now = (await this.#parts.driver?.readSettings(uuid, this.#deadline(signal)))?.powerLimit;
    return now === undefined || Math.abs(now - wanted) < 1 ? outcome : UNAVAILABLE;
  }

  async lockClocks(uuid: GpuUuid, lock: ClockLock, signal: AbortSignal): Promise<ControlOutcome> {
    const { domain, lowestMhz, highestMhz } = lock;
    // It locks a clock to one value, and 0 is its word for none.
    if (!Number.isInteger(highestMhz) || highestMhz < 1 || lowestMhz !== highestMhz) return OUT_OF_RANGE;
    // What Hive OS had locked could not be set back.
    if (!this.#tellsLocks.has(uuid)) await this.readSettings(uuid, signal);
    if (this.#tellsLocks.get(uuid) !== true) return { kind: "refused", reason: "not-supported" };
    return await this.#set(uuid, [SET[domain], String(highestMhz)], signal);
  }

  resetClocks(uuid: GpuUuid, domain: ClockDomain, signal: AbortSignal): Promise<ControlOutcome> {
    return this.#set(uuid, [SET[domain], "0"], signal);
  }

  async #set(uuid: GpuUuid, args: readonly string[], signal: AbortSignal): Promise<ControlOutcome> {
    return toOutcome(await this.#run(uuid, args, signal));
  }

  #deadline(signal: AbortSignal): AbortSignal {
    return withDeadline(signal, this.#parts.callTimeout ?? CALL_TIMEOUT);
  }

  /** Throws the signal's reason at once when it fires, also while another call is waited for. */
  async #run(uuid: GpuUuid, args: readonly string[], signal: AbortSignal): Promise<ToolEnd> {
    signal.throwIfAborted();
    // By its index of this moment: that of a GPU behind one that was lost moves.
    const index = (await this.#parts.gpus(this.#deadline(signal))).find((gpu) => gpu.uuid === uuid)?.index;
    if (index === undefined) return { kind: "not-run", reason: "the GPU is not there" };
    const end = this.#turn.then((): ToolEnd | Promise<ToolEnd> => {
      if (signal.aborted) return { kind: "not-run", reason: "nobody waits for it" };
      const { run, tool } = this.#parts;
      // A rig of twelve waits for its turn longer than any call may take.
      return run(tool, ["-i", String(index), ...args], this.#deadline(signal));
    });
    this.#turn = end.catch(() => undefined);
    return await orAbort(end, signal);
  }
}

function toOutcome(end: ToolEnd): ControlOutcome {
  if (end.kind === "not-run") return UNAVAILABLE;
  const { exitCode, output } = end;
  if (exitCode === 0) return { kind: "done" };
  if (exitCode === NOT_SUPPORTED) return { kind: "refused", reason: "not-supported" };
  return NOT_ALLOWED.test(output)
    ? { kind: "refused", reason: "no-permission" }
    : { kind: "failed", returnCode: exitCode };
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([promise, aborted]);
}
