import type { RigView } from "../api/shapes.ts";
import { formatCount, formatUsd, toEnergy } from "./format.ts";
import { Metric, Value } from "./value.tsx";

/** The day's totals since midnight UTC; in observe mode what the decisions would have earned comes first. */
export function Today({ rig }: { readonly rig: RigView }) {
  const { today, mode, tryOut } = rig;
  const rejected = today.sharesRejected > 0 ? `${formatCount(today.sharesRejected)} rejected` : "none rejected";
  const isObserving = mode === "observe" || today.wouldHaveEarnedUsd !== null;
  return (
    <section class="card today" aria-labelledby="today-title">
      <h2 id="today-title">
        Today <span class="note">since 00:00 UTC{tryOut ? ", invented prices" : ""}</span>
      </h2>
      <dl data-count={isObserving ? 5 : 4}>
        {isObserving && (
          <Metric label="Would have earned" note="had the decisions been carried out">
            {formatUsd(today.wouldHaveEarnedUsd)}
          </Metric>
        )}
        <Metric label="Net" note={`${formatUsd(today.revenueUsd)} revenue − ${formatUsd(today.electricityUsd)} power`}>
          {formatUsd(today.netUsd)}
        </Metric>
        <Metric label="Energy" note="all that was measured">
          <Value of={toEnergy(today.energyMj)} />
        </Metric>
        <Metric label="Shares" note={rejected}>
          {formatCount(today.sharesAccepted)}
        </Metric>
        <Metric label="Completions" note={`${formatCount(today.tokensOut)} tokens`}>
          {formatCount(today.completions)}
        </Metric>
      </dl>
    </section>
  );
}
