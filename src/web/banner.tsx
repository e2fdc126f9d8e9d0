import type { RigView } from "../api/shapes.ts";

/** Says what is not real, or not done, before any number is read. */
export function Banner({ rig }: { readonly rig: RigView }) {
  return (
    <>
      {rig.tryOut && (
        <p class="banner" data-kind="try-out">
          <strong>Try-out:</strong> real work, invented prices. Run <code>rigshift init</code> for the real thing.
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
