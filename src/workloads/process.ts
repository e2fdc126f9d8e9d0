import type { Clock } from "../lib/clock.ts";
import { isRigError, messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Announcement } from "./announcement.ts";
import { Child, type ChildExit } from "./child.ts";
import type { BegunWork, FreezingDriver, Readiness, WorkExit, WorkSpec } from "./driver.ts";
import { type StartFault, WorkError } from "./errors.ts";
import { codeOfEnd } from "./exit-code.ts";
import { canDieWithParent, launch } from "./launch.ts";
import type { ProcessJournal } from "./leftovers.ts";
import { readProcess } from "./process-table.ts";
import { unlessAborted } from "./unless-aborted.ts";

export interface ProcessDriverParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: ProcessJournal;
  /** The agent's own environment; children see a few harmless names of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Runs work as native child processes; they die with this process, however it dies. */
export function createProcessDriver(parts: ProcessDriverParts): FreezingDriver {
  return new ProcessDriver(parts);
}

/** The life of one child under one name. */
interface Unit {
  readonly spec: WorkSpec;
  readonly key: string;
  /** Fires when nobody wants the work any more. */
  readonly unwanted: AbortController;
  /** Fires when there is no time left for a polite end. */
  readonly urgent: AbortController;
  readonly ready: PromiseWithResolvers<Readiness>;
  readonly stuck: PromiseWithResolvers<"stuck">;
  /** Settles when nothing of it is left. */
  gone: Promise<"gone">;
  child?: Child;
  waiting: number;
  settled: boolean;
}

interface Ending {
  readonly code: StartFault | `ERR_${string}`;
  readonly reason: string;
}

/** Only `#begin` adds to `#units` and only `#run` removes: a name stays taken until its process is gone. */
class ProcessDriver implements FreezingDriver {
  readonly #parts: ProcessDriverParts;
  readonly #units = new Map<string, Unit>();
  readonly #listeners = new Set<(exit: WorkExit) => void>();
  readonly #begun = new Set<(work: BegunWork) => void>();
  #dieWithParent: Promise<boolean> | undefined;
  #closed = false;

  constructor(parts: ProcessDriverParts) {
    this.#parts = parts;
  }

  async ensureReady(spec: WorkSpec, signal: AbortSignal): Promise<Readiness> {
    const key = keyOf(spec);
    while (!signal.aborted && !this.#closed) {
      const unit = this.#units.get(spec.name) ?? this.#begin(spec, key);
      const exited = unit.child?.exited === true;
      if (unit.key === key && !exited && !unit.unwanted.signal.aborted) return this.#join(unit, signal);
      // Work that ended by itself is left alone, so that its exit is still told.
      if (!exited) unit.unwanted.abort();
      const left = await unlessAborted(Promise.race([unit.gone, unit.stuck.promise]), signal);
      if (left === "stuck") return failed("ERR_WORK_STUCK", `its process ${unit.child?.pid} of before does not end`);
    }
    return { kind: "aborted" };
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    const unit = this.#units.get(name);
    if (!unit) return;
    unit.unwanted.abort();
    const hurry = () => unit.urgent.abort();
    if (signal.aborted) hurry();
    signal.addEventListener("abort", hurry, { once: true });
    const left = await Promise.race([unit.gone, unit.stuck.promise]);
    signal.removeEventListener("abort", hurry);
    if (left === "gone") return;
    const pid = unit.child?.pid ?? 0;
    throw new WorkError(`${name}: process ${pid} does not end, even when killed`, {
      code: "ERR_WORK_STUCK",
      work: name,
      pid,
      mend: "look for a hanging driver in the kernel log; a restart of the machine frees the GPU",
    });
  }

  pause(name: string): Promise<void> {
    this.#units.get(name)?.child?.freeze();
    return Promise.resolve();
  }

  resume(name: string): Promise<void> {
    this.#units.get(name)?.child?.thaw();
    return Promise.resolve();
  }

  onExit(listener: (exit: WorkExit) => void): void {
    this.#listeners.add(listener);
  }

  onBegun(listener: (work: BegunWork) => void): void {
    this.#begun.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const { signal } = new AbortController();
    const ends = await Promise.allSettled([...this.#units.keys()].map((name) => this.stop(name, signal)));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  #begin(spec: WorkSpec, key: string): Unit {
    const unit: Unit = {
      spec,
      key,
      unwanted: new AbortController(),
      urgent: new AbortController(),
      ready: Promise.withResolvers(),
      stuck: Promise.withResolvers(),
      gone: Promise.resolve("gone"),
      waiting: 0,
      settled: false,
    };
    this.#units.set(spec.name, unit);
    unit.gone = this.#run(unit);
    return unit;
  }

  /** Waits for a start that may be shared; the last one to lose interest ends it. */
  async #join(unit: Unit, signal: AbortSignal): Promise<Readiness> {
    const started = !unit.settled;
    unit.waiting += 1;
    const readiness = await unlessAborted(unit.ready.promise, signal);
    unit.waiting -= 1;
    if (readiness !== "aborted") return readiness.kind === "ready" ? { ...readiness, started } : readiness;
    if (unit.waiting === 0 && !unit.settled) unit.unwanted.abort();
    return { kind: "aborted" };
  }

  async #run(unit: Unit): Promise<"gone"> {
    const readiness = await this.#live(unit).catch((error): Readiness => failed("ERR_WORK_SPAWN", messageOf(error)));
    this.#units.delete(unit.spec.name);
    settle(unit, readiness);
    return "gone";
  }

  /** From the spawn to the end; what it returns is news only when the work never became ready. */
  async #live(unit: Unit): Promise<Readiness> {
    const { spec, unwanted } = unit;
    this.#dieWithParent ??= canDieWithParent(this.#parts.env);
    const dieWithParent = await this.#dieWithParent;
    if (unwanted.signal.aborted) return { kind: "aborted" };
    const launched = await launch(spec, this.#parts.env, dieWithParent);
    if (launched.kind === "failed") return failed("ERR_WORK_SPAWN", launched.reason);
    const child = new Child(launched.child, this.#parts.clock, this.#parts.logger.child({ work: spec.name }));
    unit.child = child;
    const { name, role, gpu } = spec;
    for (const listener of this.#begun) listener({ name, role, gpus: [gpu], pid: child.pid });
    const ending = this.#remember(unit, child) ?? (await this.#serve(unit, child));
    const exit = await this.#end(unit, child);
    this.#forget(spec.name);
    if (unwanted.signal.aborted) return { kind: "aborted" };
    if (unit.settled) this.#tell({ name: spec.name, gpu: spec.gpu, role: spec.role, reason: exit.reason });
    const { code, reason } = ending ?? endingOf(exit);
    return failed(code, reason);
  }

  /** Resolves when the child ended, is no longer wanted, or proved useless; the last with why. */
  async #serve(unit: Unit, child: Child): Promise<Ending | undefined> {
    const { answersAt, name } = unit.spec;
    if (answersAt !== undefined) {
      settle(unit, { kind: "ready", work: { name, pid: child.pid, facts: {}, ...answersAt }, started: true });
      await unlessAborted(child.gone, unit.unwanted.signal);
      return undefined;
    }
    const first = await this.#firstNews(unit, child);
    if (first === "late") {
      const reason = `it did not announce itself within ${unit.spec.startTimeout / 1000} s`;
      return { code: "ERR_WORK_START_TIMEOUT", reason };
    }
    if (first === "over") return undefined;
    if (first.kind === "garbage") return { code: "ERR_WORK_ANNOUNCEMENT", reason: first.reason };
    const work = { name: unit.spec.name, pid: child.pid, ...first.where };
    settle(unit, { kind: "ready", work, started: true });
    await unlessAborted(child.gone, unit.unwanted.signal);
    return undefined;
  }

  async #firstNews(unit: Unit, child: Child): Promise<Announcement | "late" | "over"> {
    const news = new AbortController();
    const late = this.#parts.clock.wait(unit.spec.startTimeout, news.signal).then(() => "late" as const);
    const over = unlessAborted(child.gone, unit.unwanted.signal).then(() => "over" as const);
    try {
      return await Promise.race([child.announcement, over, late]);
    } finally {
      news.abort();
    }
  }

  async #end(unit: Unit, child: Child): Promise<ChildExit> {
    if (!child.exited) {
      const left = await child.terminate(unit.spec.stopTimeout, unit.urgent.signal);
      if (left === "stuck") {
        this.#parts.logger.error("work does not end", { work: unit.spec.name, pid: child.pid });
        unit.stuck.resolve("stuck");
      }
    }
    return child.gone;
  }

  /** Recorded before anything else happens, so that a crash from here on leaves no child unknown. */
  #remember({ spec }: Unit, { pid }: Child): Ending | undefined {
    const { name, role, gpu, command } = spec;
    const startTicks = readProcess(pid)?.startTicks;
    try {
      this.#parts.journal.remember({ name, pid, startTicks, role, gpu, command, started: this.#parts.clock.now() });
      return undefined;
    } catch (error) {
      const code = isRigError(error) ? error.facts.code : "ERR_WORK_UNRECORDED";
      return { code, reason: `its start could not be recorded: ${messageOf(error)}` };
    }
  }

  #forget(name: string): void {
    try {
      this.#parts.journal.forget(name);
    } catch (error) {
      // The row left behind does harm to nobody: its start time matches no process any more.
      this.#parts.logger.error("ended work stays recorded", { work: name, reason: messageOf(error) });
    }
  }

  #tell(exit: WorkExit): void {
    for (const listener of this.#listeners) {
      try {
        listener(exit);
      } catch (error) {
        this.#parts.logger.error("an exit could not be told", { work: exit.name, reason: messageOf(error) });
      }
    }
  }
}

/** What makes two specs the same work; how long to wait for it is no part of it. */
const keyOf = ({ name, role, gpu, command, args, env = {}, nice = 0, answersAt }: WorkSpec): string =>
  JSON.stringify([name, role, gpu, command, args, Object.entries(env).sort(), nice, answersAt]);

const failed = (code: `ERR_${string}`, reason: string): Readiness => ({ kind: "failed", code, reason });

function settle(unit: Unit, readiness: Readiness): void {
  unit.settled = true;
  unit.ready.resolve(readiness);
}

const endingOf = ({ code, reason, lastLine }: ChildExit): Ending => ({ code: codeOfEnd(code, lastLine), reason });
