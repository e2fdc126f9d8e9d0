import { useEffect, useState } from "preact/hooks";
import type { RigView } from "../api/shapes.ts";
import type { Clock } from "../lib/clock.ts";
import { Banner } from "./banner.tsx";
import { Facts } from "./facts.tsx";
import { formatClock } from "./format.ts";
import { GpuCard } from "./gpu-card.tsx";
import { Handovers } from "./handovers.tsx";
import { Header } from "./header.tsx";
import { Jobs } from "./jobs.tsx";
import type { Operator } from "./operator.ts";
import { isCrowded } from "./rows.ts";
import { type PageState, silentSince } from "./state.ts";
import type { Store } from "./store.ts";
import { Today } from "./today.tsx";
import { TokenDialog } from "./token-dialog.tsx";
import { toTone, toToneLabel } from "./tone.ts";
import { Valuations } from "./valuations.tsx";

const TICK_MS = 1000;

function useStore(store: Store): PageState {
  const [state, setState] = useState(store.get());
  useEffect(() => store.subscribe(() => setState(store.get())), [store]);
  return state;
}

/** Browser time, once a second. */
function useNow(clock: Clock): number {
  const [now, setNow] = useState<number>(clock.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(clock.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [clock]);
  return now;
}

function toTitle(rig: RigView | null, isSilent: boolean): string {
  if (!rig) return "Rigshift";
  if (isSilent) return `Not answering · ${rig.rig}`;
  const labels = new Set(rig.gpus.map((gpu) => toToneLabel(toTone(gpu))));
  return `${[...labels].join(", ")} · ${rig.rig}`;
}

function Rig({ state, rig, now }: { readonly state: PageState; readonly rig: RigView; readonly now: number }) {
  const crowded = isCrowded(rig);
  // The table of many GPUs is tall by itself; beside it is room.
  const facts = <Facts rig={rig} now={now} />;
  return (
    <>
      <Today rig={rig} />
      <section class="gpus" data-crowded={crowded || undefined} aria-label="GPUs">
        {rig.gpus.map((gpu) => (
          <GpuCard key={gpu.uuid} gpu={gpu} rig={rig} samples={state.history.get(gpu.uuid) ?? []} now={now} />
        ))}
      </section>
      <div class="pair" data-crowded={crowded || undefined}>
        <div class="stack">
          <Valuations valuations={state.valuations} rig={rig} />
          {!crowded && facts}
        </div>
        <div class="stack aside">
          {crowded && facts}
          <Handovers transitions={state.transitions} gpus={rig.gpus} now={now} />
        </div>
      </div>
      <Jobs jobs={state.jobs} now={now} />
    </>
  );
}

function Silence({ since }: { readonly since: number }) {
  return (
    <p class="silence" role="alert">
      <strong>Agent not answering since {formatClock(since)}.</strong> The numbers below are from then. Trying again…
    </p>
  );
}

interface AppProps {
  readonly store: Store;
  readonly operator: Operator;
  readonly clock: Clock;
}

export function App({ store, operator, clock }: AppProps) {
  const state = useStore(store);
  const browserNow = useNow(clock);
  const { rig, wish } = state;
  const silent = silentSince(state, browserNow);
  // While the agent is silent its clock stands still on the page: nothing may seem to go on.
  const now = (silent ?? Math.max(browserNow, state.heardMs ?? 0)) + state.skewMs;
  const title = toTitle(rig, silent !== undefined);
  useEffect(() => {
    document.title = title;
  }, [title]);

  return (
    <>
      <Header state={state} operator={operator} now={now} isSilent={silent !== undefined} />
      <main class="page" data-silent={silent !== undefined || undefined}>
        {silent !== undefined && <Silence since={silent} />}
        {rig && <Banner rig={rig} />}
        {rig ? <Rig state={state} rig={rig} now={now} /> : <p class="waiting">Asking the agent…</p>}
      </main>
      {rig && wish.kind === "asking" && <TokenDialog wish={wish} operator={operator} dataDir={rig.dataDir} />}
      <p class="unseen" role="status" aria-live="polite">
        {state.announcement}
      </p>
    </>
  );
}
