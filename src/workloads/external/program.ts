import type { GpuUuid } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import type { UsdPerHour } from "../../units/money.ts";
import type { Millis, UnixMs } from "../../units/time.ts";
import type { HookAnswer } from "../hook.ts";
import { readProcess } from "../process-table.ts";
import { AnswerWatch } from "./answer-watch.ts";
import { parseBusy, parseEarnings, type Said } from "./answers.ts";
import { callHook, type Hook, type HookContext } from "./hooks.ts";

interface Question {
  readonly hook: Hook;
  readonly pointer?: string | undefined;
  readonly every: Millis;
  readonly maxAge: Millis;
}

/** What the operator says of one external workload. */
export interface ExternalSpec {
  readonly name: string;
  /** Absent, with `stop`, for one that comes and goes by itself. */
  readonly start?: Hook | undefined;
  readonly stop?: Hook | undefined;
  readonly busy?: Question | undefined;
  readonly earnings?: (Question & { readonly per: "hour" | "day" }) | undefined;
  readonly privateHosts: readonly string[];
}

/** A hook that starts or stops something, from before it is called; its process, once there is one, leads a group. */
export interface RunningHook {
  readonly timeout: Millis;
  readonly pid?: number | undefined;
  readonly startTicks?: number | undefined;
}

export interface ExternalProgramParts {
  readonly spec: ExternalSpec;
  /** All that it takes at once. */
  readonly gpus: readonly GpuUuid[];
  /** Deaf to being set. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when a question has another answer than before. */
  readonly onChange: () => void;
  /** Told before a hook is called that starts or stops something, and again of its process. */
  readonly onHook?: (hook: RunningHook) => void;
  /** How a hook is run; tests put in their own. */
  readonly call?: (hook: Hook, context: HookContext, signal: AbortSignal) => Promise<HookAnswer>;
}

type Words = Pick<HookContext, "reason" | "onProcess">;

/** A workload that others run: its four hooks, and what the two questions were last answered. */
export class ExternalProgram {
  readonly #parts: ExternalProgramParts;
  readonly #busy: AnswerWatch<boolean> | undefined;
  readonly #earnings: AnswerWatch<UsdPerHour> | undefined;
  #usedAt: UnixMs | undefined;

  constructor(parts: ExternalProgramParts) {
    this.#parts = parts;
    const { busy, earnings } = parts.spec;
    this.#busy = busy && this.#watch("busy", busy, (text, pointer) => this.#noteUse(parseBusy(text, pointer)));
    this.#earnings =
      earnings && this.#watch("earnings", earnings, (text, pointer) => parseEarnings(text, pointer, earnings.per));
  }

  /** Whether somebody pays to use it: undefined while nobody knows, or nobody can be asked. */
  get busy(): boolean | undefined {
    return this.#busy?.value;
  }

  /** What it said last, however long ago that is. */
  get lastBusy(): boolean | undefined {
    return this.#busy?.last;
  }

  /** When it was last said to be in use, on the clock that it was given. */
  get usedAt(): UnixMs | undefined {
    return this.#usedAt;
  }

  /** Whether the first question was over, answered or not. */
  get isAsked(): boolean {
    return this.#busy?.isAsked !== false;
  }

  get canTellBusy(): boolean {
    return this.#busy !== undefined;
  }

  /** What it says that comes in now, before the marketplace's cut. */
  get earnings(): UsdPerHour | undefined {
    return this.#earnings?.value;
  }

  /** Why a question has no answer, in words. */
  get complaint(): string | undefined {
    const busy = this.#busy?.complaint;
    if (busy !== undefined) return `busy: ${busy}`;
    const earnings = this.#earnings?.complaint;
    return earnings === undefined ? undefined : `earnings: ${earnings}`;
  }

  /** Asks both questions until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#busy?.run(signal), this.#earnings?.run(signal)]);
  }

  /** Asks once whether it is in use, outside of turn; undefined where it does not say. */
  async askBusy(signal: AbortSignal): Promise<boolean | undefined> {
    return (await this.#busy?.look(signal)) ? this.#busy?.value : undefined;
  }

  /** Starts it; returns why that failed. It may run all the same, and is left as it is. */
  async start(reason: string, signal: AbortSignal): Promise<string | undefined> {
    const { spec, logger } = this.#parts;
    if (spec.start === undefined) return "it has no start hook";
    logger.info("starting an external workload", { external: spec.name, reason });
    const answer = await this.#act("start", spec.start, reason, signal);
    return answer.kind === "failed" ? answer.reason : undefined;
  }

  /** Stops it; returns why that failed. */
  async stop(reason: string, signal: AbortSignal): Promise<string | undefined> {
    const { spec, logger } = this.#parts;
    if (spec.stop === undefined) return "it has no stop hook";
    logger.info("stopping an external workload", { external: spec.name, reason });
    const answer = await this.#act("stop", spec.stop, reason, signal);
    return answer.kind === "failed" ? answer.reason : undefined;
  }

  #noteUse(said: Said<boolean>): Said<boolean> {
    if (said.kind === "said" && said.value) this.#usedAt = this.#parts.clock.now();
    return said;
  }

  #watch<T>(
    purpose: string,
    { hook, pointer, every, maxAge }: Question,
    parse: (text: string, pointer: string | undefined) => Said<T>,
  ): AnswerWatch<T> {
    const { spec, clock, logger, onChange } = this.#parts;
    return new AnswerWatch({
      name: `${spec.name} ${purpose}`,
      ask: (signal) => this.#call(purpose, hook, { reason: "" }, signal),
      parse: (text) => parse(text, pointer),
      every,
      maxAge,
      clock,
      logger,
      onChange,
    });
  }

  /** Known before it is called, so that whoever comes after a kill does not ask while it still works. */
  #act(purpose: string, hook: Hook, reason: string, signal: AbortSignal): Promise<HookAnswer> {
    const { onHook } = this.#parts;
    const { timeout } = hook;
    onHook?.({ timeout });
    const onProcess = (pid: number) => onHook?.({ timeout, pid, startTicks: readProcess(pid)?.startTicks });
    return this.#call(purpose, hook, { reason, onProcess }, signal);
  }

  #call(purpose: string, hook: Hook, words: Words, signal: AbortSignal): Promise<HookAnswer> {
    const { spec, gpus, call = callHook } = this.#parts;
    return call(hook, { external: spec.name, gpus, purpose, ...words, privateHosts: spec.privateHosts }, signal);
  }
}
