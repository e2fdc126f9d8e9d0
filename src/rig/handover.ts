import type { HandoverState, Workload } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Millis, seconds } from "../units/time.ts";
import type { EngineControl } from "./engine-control.ts";
import type { MinerControl } from "./miner-control.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import type { Gate, RequestQueue } from "./request-queue.ts";
import { type Residents, STATE_OF, type Step, stepsFor } from "./steps.ts";

const REVOKE_GRACE = seconds(3);

/** What the steps act on. The GPU's loop owns all of it. */
export interface HandoverParts {
  readonly clock: Clock;
  readonly queue: RequestQueue;
  readonly miner: MinerControl | undefined;
  readonly engine: EngineControl | undefined;
  readonly drainTimeout: Millis;
  readonly gate: (engine: string, slots: number) => Gate;
  /** Resolves with the first share that the pool accepts from now on, or fails after its deadline. */
  readonly firstShare: (signal: AbortSignal) => Promise<Outcome>;
  readonly onState: (state: HandoverState) => void;
}

export interface Handover {
  readonly from: Workload;
  readonly to: Workload;
  readonly residents: Residents;
}

/** Runs the steps in order; the first that fails, after its fallback, ends the handover. `note` tells of a fallback. */
export async function runHandover(
  { from, to, residents }: Handover,
  parts: HandoverParts,
  signal: AbortSignal,
): Promise<Outcome & { readonly note?: string }> {
  let note: string | undefined;
  for (const step of stepsFor(from, to, residents)) {
    parts.onState(STATE_OF[step]);
    let outcome = await runStep(step, parts, signal);
    const fallbacks = fallbacksOf(step, residents);
    if (outcome.kind === "failed" && fallbacks.length > 0) {
      note = outcome.reason;
      for (const fallback of fallbacks) {
        outcome = await runStep(fallback, parts, signal);
        if (outcome.kind !== "done") break;
      }
    }
    if (outcome.kind !== "done") return note === undefined ? outcome : { ...outcome, note };
  }
  return note === undefined ? DONE : { ...DONE, note };
}

/** One rung down: a miner that will not pause or resume is stopped, or stopped and started. */
function fallbacksOf(step: Step, { miner }: Residents): readonly Step[] {
  if (step === "pause-miner" || step === "verify-quiet") return ["stop-miner"];
  return step === "start-miner" && miner ? ["stop-miner", "start-miner", "first-share"] : [];
}

function runStep(step: Step, parts: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  const { miner, engine, queue } = parts;
  switch (step) {
    case "close-gate":
      queue.closeGate();
      return Promise.resolve(DONE);
    case "drain":
      return drain(parts, signal);
    case "pause-miner":
      return miner?.pause(signal) ?? NO_MINER;
    case "verify-quiet":
      return miner?.verifyQuiet(signal) ?? NO_MINER;
    case "stop-miner":
      return miner?.stop(signal) ?? Promise.resolve(DONE);
    case "start-miner":
      return miner?.start(signal) ?? NO_MINER;
    case "first-share":
      return parts.firstShare(signal);
    case "start-engine":
      return engine?.ensureWarm(signal) ?? NO_ENGINE;
    case "open-gate":
      return Promise.resolve(openGate(parts));
  }
}

const NO_MINER: Promise<Outcome> = Promise.resolve(failed("no miner is configured"));
const NO_ENGINE: Promise<Outcome> = Promise.resolve(failed("no engine is configured"));

function openGate({ engine, queue, gate }: HandoverParts): Outcome {
  if (engine?.state.kind !== "ready") return failed("the engine ended before its gate opened");
  const { base, facts } = engine.state;
  queue.openGate(gate(base, facts.slots));
  return DONE;
}

/** Lets running requests end; those that outlast the deadline are revoked and recorded as interrupted. */
async function drain({ queue, clock, drainTimeout }: HandoverParts, signal: AbortSignal): Promise<Outcome> {
  if (await emptied(queue, clock, drainTimeout, signal)) return DONE;
  queue.revoke();
  if (await emptied(queue, clock, REVOKE_GRACE, NEVER)) return signal.aborted ? ABORTED : DONE;
  return failed("revoked requests still hold the GPU");
}

/** An agent that stops still waits for its requests to be booked. */
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
