import type { RigView } from "../api/shapes.ts";
import { sayRentedOut } from "../api/words.ts";
import { formatRunning } from "./format.ts";
import type { Operator } from "./operator.ts";
import { toUntil } from "./rows.ts";
import type { PageState, Wish } from "./state.ts";
import { MODES, wordsOf } from "./tone.ts";

interface ModesProps {
  readonly rig: RigView;
  readonly wish: Wish;
  readonly operator: Operator;
  readonly isSilent: boolean;
}

function Modes({ rig, wish, operator, isSilent }: ModesProps) {
  const rented = sayRentedOut(rig.mode, rig.gpus);
  const pending = wish.kind === "sending" || wish.kind === "pending" ? wish.mode : undefined;
  return (
    <div class="modes">
      <fieldset class="segments" disabled={isSilent}>
        <legend class="unseen">Mode</legend>
        {MODES.map(({ name, label, meaning }) => (
          <button
            key={name}
            type="button"
            title={meaning}
            aria-pressed={rig.mode === name}
            aria-busy={pending === name}
            onClick={() => void operator.chooseMode(name)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <p class="note">
        {rig.mode === "release" && <strong>{wordsOf(rig.mode).label}. </strong>}
        {pending === undefined ? (
          `${wordsOf(rig.mode).meaning}${toUntil(rig.modeUntilMs, rig.nowMs)}${rented === undefined ? "" : ` ${rented}.`}`
        ) : (
          <strong>{wordsOf(pending).label} is pending until the rig confirms it.</strong>
        )}
      </p>
      {wish.kind === "failed" && (
        <p class="failure" role="alert">
          Mode not changed to {wish.mode}: {wish.reason}
        </p>
      )}
    </div>
  );
}

function Link({ state, isSilent }: { readonly state: PageState; readonly isSilent: boolean }) {
  const kind = isSilent ? "lost" : state.link.kind === "connecting" ? "connecting" : "live";
  const label = { lost: "Not answering", connecting: "Connecting", live: "Live" }[kind];
  return (
    <span class="link" data-kind={kind}>
      {label}
    </span>
  );
}

interface HeaderProps {
  readonly state: PageState;
  readonly operator: Operator;
  readonly now: number;
  readonly isSilent: boolean;
}

/** The rig's name, how the page stands with the agent, and the operator's mode. */
export function Header({ state, operator, now, isSilent }: HeaderProps) {
  const { rig, wish } = state;
  return (
    <header class="head">
      <div class="brand">
        <img src="/icon.svg" alt="" width="36" height="36" />
        <div>
          <h1>{rig?.rig ?? "Rigshift"}</h1>
          <p class="note">{rig ? `Rigshift ${rig.version} · up ${formatRunning(now - rig.startedMs)}` : "status"}</p>
        </div>
        <Link state={state} isSilent={isSilent} />
      </div>
      {rig && <Modes rig={rig} wish={wish} operator={operator} isSilent={isSilent} />}
    </header>
  );
}
