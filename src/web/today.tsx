import type { RigView } from "../api/shapes.ts";
import { formatCount, formatUsd, toEnergy } from "./format.ts";
import { toAmount } from "./rows.ts";
import { Metric, Money, Value } from "./value.tsx";

/** The day's totals since midnight UTC; in observe mode what the decisions would have earned comes first. */
export function Today({ rig }: { readonly rig: RigView }) {
  const { today, mode, market } = rig;
  const rejected = today.sharesRejected > 0 ? `${formatCount(today.sharesRejected)} rejected` : "none rejected";
  const isObserving = mode === "observe" || today.wouldHaveEarnedUsd !== null;
  return (
    <section class="card today" aria-labelledby="today-title">
      <h2 id="today-title">
        Today <span class="note">since 00:00 UTC{market.invented ? ", invented prices" : ""}</span>
      </h2>
      <dl data-count={isObserving ? 5 : 4}>
        {isObserving && (
          <Metric label="Would have earned" note="had the decisions been carried out">
            <Money usd={today.wouldHaveEarnedUsd} />
          </Metric>
        )}
        <Metric label="Net" note={`${formatUsd(today.revenueUsd)} revenue − ${formatUsd(today.electricityUsd)} power`}>
          <Money usd={today.netUsd} />
        </Metric>
        <Metric label="Energy" note="all that was measured">
          <Value of={toEnergy(today.energyMj)} />
        </Metric>
        <Metric label={today.sharesAccepted === 1 ? "Share" : "Shares"} note={rejected}>
          {formatCount(today.sharesAccepted)}
        </Metric>
        <Metric
          label={today.completions === 1 ? "Completion" : "Completions"}
          note={toAmount(today.tokensOut, "token")}
        >
          {formatCount(today.completions)}
        </Metric>
      </dl>
    </section>
  );
}
