import type { HandoverState } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { type Millis, seconds } from "../units/time.ts";
import type { EngineControl } from "./engine-control.ts";
import type { Residence } from "./ladder.ts";
import type { MinerControl, PlannedMiner } from "./miner-control.ts";
import { ABORTED, Cut, DONE, failed, type Outcome } from "./outcome.ts";
import type { Gate, RequestQueue } from "./request-queue.ts";
import type { StartGap } from "./start-gap.ts";
import { DEADLINE_OF, EVICTION, fallbackOf, type Residents, type Route, STATE_OF, type Step } from "./steps.ts";
import type { Tuner } from "./tuner.ts";

const REVOKE_GRACE = seconds(3);
/** Whoever has the GPU now does not wait for its settings: what is not set back by then is tried again beside them. */
const EVICTED_SETTINGS_WITHIN = seconds(3);

/** What the steps act on. The GPU's loop owns all of it. */
export interface HandoverParts {
  readonly clock: Clock;
  /** The same time, for deadlines. */
  readonly steady: Clock;
  readonly queue: RequestQueue;
  readonly tuner: Tuner;
  readonly miner: MinerControl | undefined;
  /** The one to start; the miner of before when absent. */
  readonly planned?: PlannedMiner | undefined;
  readonly engine: EngineControl | undefined;
  readonly drainTimeout: Millis;
  readonly gap: StartGap;
  readonly gate: (engine: string, slots: number) => Gate;
  /** Told just before the miner is started: shares of before are not its own. */
  readonly onMinerStart: () => void;
  /** Resolves with the first share that the pool accepted since `onMinerStart`, or fails after its deadline. */
  readonly firstShare: (signal: AbortSignal) => Promise<Outcome>;
  /** Whether the hardware says that the GPU is free for the one to come. */
  readonly verifyFree: (signal: AbortSignal) => Promise<Outcome>;
  /** Whether the hardware says that what stays does nothing. */
  readonly verifyQuiet: (signal: AbortSignal) => Promise<Outcome>;
  /** Waits until the rig has the power that this GPU draws at work. */
  readonly claimPower: (signal: AbortSignal) => Promise<Outcome>;
  /** Starts the external workload that is to come, once all of its GPUs are free. */
  readonly startExternal: (signal: AbortSignal) => Promise<Outcome>;
  readonly onState: (state: HandoverState) => void;
  /** Told when a rung failed. */
  readonly onBar: (rung: Residence) => void;
  /** Told when the GPU did not become free, whatever was tried. */
  readonly onNotFree: (reason: string) => void;
}

export interface Handover extends Route {
  readonly residents: Residents;
  readonly residence: Residence;
  readonly steps: readonly Step[];
}

/** `note` tells of a fallback. */
export type HandoverOutcome = Outcome & { readonly note?: string };

/** Runs the steps in order; the first that fails, after its fallback, ends the handover. */
export async function runHandover(
  handover: Handover,
  parts: HandoverParts,
  signal: AbortSignal,
): Promise<HandoverOutcome> {
  let note: string | undefined;
  let caveat: string | undefined;
  for (const step of handover.steps) {
    let outcome = await runInTime(step, parts, signal);
    const fallback = fallbackOf(step, handover, handover.residents, handover.residence);
    if (outcome.kind === "failed" && fallback !== undefined) {
      note ??= outcome.reason;
      if (fallback.bars !== undefined) parts.onBar(fallback.bars);
      outcome = await runAll(fallback.steps, parts, signal);
    }
    if (outcome.kind === "failed" && step === "verify-free") parts.onNotFree(outcome.reason);
    // Nobody has the GPU now, so nobody's settings hold.
    if (outcome.kind === "failed" && parts.tuner.isApplied) await attempt("stock-settings", parts, signal);
    if (outcome.kind !== "done") return note === undefined ? outcome : { ...outcome, note };
    caveat ??= outcome.caveat;
  }
  return { ...DONE, ...(note === undefined ? {} : { note }), ...(caveat === undefined ? {} : { caveat }) };
}

async function runAll(steps: readonly Step[], parts: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  let last: Outcome = DONE;
  for (const step of steps) {
    const outcome = await runInTime(step, parts, signal);
    if (outcome.kind !== "done") return outcome;
    if (outcome.caveat !== undefined) last = outcome;
  }
  return last;
}

/** Takes everything of ours off the GPU: whatever fails, the next step is tried; work that would not stop is a failure. */
export async function runEviction(parts: HandoverParts, signal: AbortSignal): Promise<HandoverOutcome> {
  let note: string | undefined;
  let worst: Outcome = DONE;
  for (const step of EVICTION) {
    const limit = step === "stock-settings" ? EVICTED_SETTINGS_WITHIN : DEADLINE_OF[step];
    const outcome = await attempt(step, parts, signal, limit);
    if (outcome.kind === "done") continue;
    // A request that will not let go loses its engine a moment later.
    if ((step === "revoke" || step === "stock-settings") && outcome.kind === "failed") note = outcome.reason;
    else worst = outcome.kind === "failed" ? { ...outcome, isStuck: true } : outcome;
  }
  return note === undefined ? worst : { ...worst, note };
}

async function attempt(step: Step, parts: HandoverParts, signal: AbortSignal, limit?: Millis): Promise<Outcome> {
  try {
    return await runInTime(step, parts, signal, limit);
  } catch (error) {
    return failed(messageOf(error));
  }
}

/** A step that hangs has failed when its deadline passes; its signal then tells it to give up. */
async function runInTime(
  step: Step,
  parts: HandoverParts,
  signal: AbortSignal,
  limit: Millis = DEADLINE_OF[step],
): Promise<Outcome> {
  parts.onState(STATE_OF[step]);
  if (STARTS.has(step)) {
    const passed = await parts.gap.pass(signal);
    if (passed.kind !== "done") return passed;
  }
  const was = step in RELEASES && isUp(step, parts);
  const outcome = await actInTime(step, parts, signal, limit);
  if (was) parts.gap.released();
  return outcome.kind === "failed" && isThere(step, parts) ? { ...outcome, isStuck: true } : outcome;
}

const STARTS: ReadonlySet<Step> = new Set(["start-miner", "start-engine"]);
const RELEASES: Readonly<Partial<Record<Step, "miner" | "engine">>> = {
  "stop-miner": "miner",
  "remove-miner": "miner",
  "stop-engine": "engine",
  "remove-engine": "engine",
  "sleep-engine": "engine",
};

/** Whether there is something for the step to end. */
function isUp(step: Step, { miner, engine }: HandoverParts): boolean {
  if (RELEASES[step] === "miner") return miner?.resident === true;
  return engine?.state.kind === "ready" && !engine.isAsleep;
}

/** Whether what the step was to end has not ended; it may be at work. */
function isThere(step: Step, { miner, engine }: HandoverParts): boolean {
  if (!(step in RELEASES)) return false;
  if (RELEASES[step] === "miner") return miner?.resident === true;
  return engine?.state.kind === "ready" || engine?.state.kind === "starting";
}

async function actInTime(step: Step, parts: HandoverParts, signal: AbortSignal, limit: Millis): Promise<Outcome> {
  const over = new AbortController();
  const done = new AbortController();
  const late = parts.steady.wait(limit, done.signal).then((): Outcome => {
    over.abort();
    return failed(`${step} took longer than ${limit / 1000} s`);
  });
  const work = runStep(step, parts, AbortSignal.any([signal, over.signal]));
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
    work.catch(() => {
      // Its deadline was told already.
    });
  }
}

function runStep(step: Step, parts: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  const { miner, engine, queue } = parts;
  switch (step) {
    case "close-gate":
      queue.closeGate();
      return Promise.resolve(DONE);
    case "drain":
      return drain(parts, signal);
    case "revoke":
      return revoke(parts);
    case "pause-miner":
      return miner?.pause(signal) ?? NO_MINER;
    case "verify-quiet":
      return quiet(parts, signal);
    case "stop-miner":
      return miner?.stop(signal) ?? NOTHING;
    case "remove-miner":
      return miner?.remove(signal) ?? NOTHING;
    case "sleep-engine":
      return engine?.sleep(signal) ?? NOTHING;
    case "stop-engine":
      return engine?.stop(signal) ?? NOTHING;
    case "remove-engine":
      return engine?.remove(signal) ?? NOTHING;
    case "verify-free":
      return parts.verifyFree(signal);
    case "stock-settings":
      return stockSettings(parts, signal);
    case "mining-settings":
      return parts.tuner.apply("hashing", signal).then(() => DONE);
    case "serving-settings":
      return parts.tuner.apply("serving", signal).then(() => DONE);
    case "claim-power":
      return parts.claimPower(signal);
    case "start-miner":
      parts.onMinerStart();
      return miner?.start(signal, parts.planned) ?? NO_MINER;
    case "first-share":
      return parts.firstShare(signal);
    case "start-engine":
      return engine?.ensureWarm(signal) ?? NO_ENGINE;
    case "open-gate":
      return Promise.resolve(openGate(parts));
    case "start-external":
      return parts.startExternal(signal);
  }
}

const NOTHING: Promise<Outcome> = Promise.resolve(DONE);
const NO_MINER: Promise<Outcome> = Promise.resolve(failed("no miner is configured"));
const NO_ENGINE: Promise<Outcome> = Promise.resolve(failed("no engine is configured"));

/** A miner that paused itself is asked; one that was frozen cannot be, and the hardware has to say it. */
async function quiet({ miner, verifyQuiet }: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  if (miner === undefined) return await NO_MINER;
  const said = await miner.verifyQuiet(signal);
  return said === "unsaid" ? await verifyQuiet(signal) : said;
}

/** A load that cannot be paused is stopped by the next step anyway. */
async function stockSettings({ tuner, miner }: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  if (tuner.isApplied) await miner?.pause(signal);
  await tuner.restore(signal);
  return DONE;
}

function openGate({ engine, queue, gate }: HandoverParts): Outcome {
  if (engine?.state.kind !== "ready") return failed("the engine ended before its gate opened");
  const { base, facts } = engine.state;
  queue.openGate(gate(base, facts.slots));
  return DONE;
}

/** Lets running requests end; those that outlast the deadline are revoked and recorded as interrupted. */
async function drain(parts: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  const { queue, clock, drainTimeout } = parts;
  if (await emptied(queue, clock, drainTimeout, signal)) return DONE;
  if (signal.reason instanceof Cut && signal.reason.sparesRequests) return ABORTED;
  const outcome = await revoke(parts);
  return outcome.kind === "done" && signal.aborted ? ABORTED : outcome;
}

/** Takes the GPU from its requests; an agent that stops still waits for them to be booked. */
async function revoke({ queue, clock }: HandoverParts): Promise<Outcome> {
  queue.revoke();
  return (await emptied(queue, clock, REVOKE_GRACE, NEVER)) ? DONE : failed("revoked requests still hold the GPU");
}

const NEVER = new AbortController().signal;

async function emptied(queue: RequestQueue, clock: Clock, limit: Millis, signal: AbortSignal): Promise<boolean> {
  if (queue.facts().active === 0) return true;
  const done = new AbortController();
  const timer = clock.wait(limit, AbortSignal.any([signal, done.signal])).then(() => false);
  const idle = queue.drained(done.signal).then(() => true);
  const result = await Promise.race([idle, timer]);
  done.abort();
  return result;
}
