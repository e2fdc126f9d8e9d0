import type { GpuView, TransitionView } from "../api/shapes.ts";
import { formatDuration, formatMoment, formatRunning, join, toEnergy } from "./format.ts";
import { toWorkLabel } from "./tone.ts";

interface HandoverProps {
  readonly transition: TransitionView;
  readonly gpus: readonly GpuView[];
  readonly now: number;
}

function Handover({ transition, gpus, now }: HandoverProps) {
  const { from, fromName, to, toName, startedMs, durationMs, rung, reason, outcome, energyMj } = transition;
  const gpu = gpus.length > 1 ? gpus.find(({ uuid }) => uuid === transition.gpu) : undefined;
  const length = durationMs === null ? `${formatRunning(now - startedMs)} so far` : formatDuration(durationMs);
  return (
    <li>
      <p class="cell-main">
        <span class="swatch" data-tone={to} aria-hidden="true" />
        <span>
          {toWorkLabel(from, fromName)} → {toWorkLabel(to, toName)}
          {gpu && <span class="tag">GPU {gpu.index}</span>}
          {outcome !== null && outcome !== "completed" && <span class="tag bad">{outcome}</span>}
        </span>
        <time class="note" dateTime={new Date(startedMs).toISOString()}>
          {formatMoment(startedMs, now)}
        </time>
      </p>
      <p class="note">
        {rung}, {length}
        {energyMj !== null && `, ${join(toEnergy(energyMj))}`}: {reason}
      </p>
    </li>
  );
}

/** The newest handovers, newest first. */
export function Handovers({
  transitions,
  gpus,
  now,
}: Omit<HandoverProps, "transition"> & { readonly transitions: readonly TransitionView[] }) {
  return (
    <section class="card recent" aria-labelledby="handovers-title">
      <h2 id="handovers-title">Recent handovers</h2>
      {transitions.length === 0 ? (
        <p class="note empty">None yet.</p>
      ) : (
        <ol class="handovers">
          {transitions.map((transition) => (
            <Handover key={transition.id} transition={transition} gpus={gpus} now={now} />
          ))}
        </ol>
      )}
    </section>
  );
}
