import type { RigView } from "../api/shapes.ts";
import { formatMoment } from "./format.ts";
import { toFaults } from "./rows.ts";

/** What keeps the rig from earning. A time that stands still: an alert is read aloud whenever its words change. */
function Faults({ rig }: { readonly rig: RigView }) {
  return toFaults(rig).map(({ title, reason, sinceMs }) => (
    <p key={title} class="banner" data-kind="fault" role="alert">
      <strong>{title}</strong>
      {sinceMs !== null && ` since ${formatMoment(sinceMs, rig.nowMs)}`}: {reason}
    </p>
  ));
}

/** Says what is broken, not real, or not done, before any number is read. */
export function Banner({ rig }: { readonly rig: RigView }) {
  return (
    <>
      <Faults rig={rig} />
      {rig.tryOut && (
        <p class="banner" data-kind="try-out">
          <strong>Try-out:</strong> real work, invented prices. Run <code>./scripts/rigshift init</code> for the real
          thing.
        </p>
      )}
      {!rig.tryOut && rig.market.invented && (
        <p class="banner" data-kind="try-out">
          <strong>Invented prices:</strong> no dollar on this page is real until <code>market.file</code> in rig.yaml
          names a file of your own.
        </p>
      )}
      {rig.mode === "observe" && (
        <p class="banner" data-kind="observe">
          <strong>Observing:</strong> the agent decides and books what it would have earned, and touches nothing on the
          rig.
        </p>
      )}
    </>
  );
}
