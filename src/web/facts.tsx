import type { ComponentChildren } from "preact";
import type { RigView } from "../api/shapes.ts";
import { isEngineUnneeded, isPoolUnneeded } from "../api/words.ts";
import { formatCount, formatDecimal, formatDifficulty, formatRunning } from "./format.ts";
import { toPriceOrigins } from "./rows.ts";

interface FactProps {
  readonly title: string;
  readonly state: string;
  /** Good, waiting or bad: the colour of the dot, which the word beside it repeats. */
  readonly health: "good" | "waiting" | "bad";
  readonly children: ComponentChildren;
}

const Fact = ({ title, state, health, children }: FactProps) => (
  <div class="card fact">
    <h2>
      {title}
      <span class="fact-state" data-health={health}>
        {state}
      </span>
    </h2>
    {children}
  </div>
);

const ENGINE_HEALTH = { ready: "good", starting: "waiting", stopped: "waiting", failed: "bad" } as const;
const POOL_HEALTH = { connected: "good", connecting: "waiting", down: "bad" } as const;

const NOT_NEEDED = "not needed now";

function Engine({ rig: { engine, gpus } }: { readonly rig: RigView }) {
  if (!engine)
    return (
      <Fact title="Engine" state="none" health="waiting">
        <p class="note">Inference is switched off in rig.yaml.</p>
      </Fact>
    );
  const { state, backend, model, label, contextTokens, reason } = engine;
  return (
    <Fact title="Engine" state={isEngineUnneeded(engine, gpus) ? NOT_NEEDED : state} health={ENGINE_HEALTH[state]}>
      <p class="fact-main">
        {model ?? "–"}{" "}
        {state !== "stopped" || backend !== null ? <span class="tag">{backend ?? "backend unknown"}</span> : null}
      </p>
      <p class="note">
        {[label, contextTokens === null ? null : `${formatCount(contextTokens)} tokens of context`, reason]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </Fact>
  );
}

function Pool({ rig, now }: { readonly rig: RigView; readonly now: number }) {
  const { pool } = rig;
  if (!pool)
    return (
      <Fact title="Pool" state="none" health="waiting">
        <p class="note">Hashing is switched off in rig.yaml.</p>
      </Fact>
    );
  const { url, state, difficulty, sinceMs, reason, foreign } = pool;
  const isUnneeded = isPoolUnneeded(rig);
  const taken = foreign.reduce((sum, { sharesAccepted }) => sum + sharesAccepted, 0);
  const since = sinceMs === null ? null : `for ${formatRunning(now - sinceMs)}`;
  const level = difficulty === null ? null : `difficulty ${formatDifficulty(difficulty)}`;
  return (
    <Fact title="Pool" state={isUnneeded ? NOT_NEEDED : state} health={POOL_HEALTH[state]}>
      <p class="fact-main">{url}</p>
      <p class="note">{(isUnneeded ? [since] : [level, since, reason]).filter(Boolean).join(" · ")}</p>
      {foreign.length === 0 ? null : <p class="note">not the rig's own logins: {taken} shares accepted</p>}
    </Fact>
  );
}

/** The parts that all GPUs share: engine, pool and where the prices come from. */
export function Facts({ rig, now }: { readonly rig: RigView; readonly now: number }) {
  const { market, electricityUsdPerKwh } = rig;
  return (
    <section class="facts" aria-label="Engine, pool and prices">
      <Engine rig={rig} />
      <Pool rig={rig} now={now} />
      <Fact
        title="Prices"
        state={market.invented ? "invented" : "quoted"}
        health={market.invented ? "waiting" : "good"}
      >
        <p class="fact-main">
          ${formatDecimal(electricityUsdPerKwh, 3)} <span class="unit">per kWh</span>
        </p>
        {toPriceOrigins(rig).map((origin) => (
          <p class="note" key={origin}>
            {origin}
          </p>
        ))}
      </Fact>
    </section>
  );
}
