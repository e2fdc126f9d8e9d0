import type { GpuView, RigView } from "../api/shapes.ts";
import { Chart } from "./chart.tsx";
import {
  formatCount,
  formatDuration,
  formatRunning,
  join,
  toHashrate,
  toMemory,
  toPower,
  toTemperature,
  toTokenRate,
} from "./format.ts";
import type { Sample } from "./history.ts";
import { isCrowded, toGpuTitle, toOwnOrder } from "./rows.ts";
import { toTone, toToneLabel } from "./tone.ts";
import { Metric, Money, Value } from "./value.tsx";

/** Joules from a counter need no word; anything less says what it is. */
const toPowerNote = ({ powerW, energyQuality }: GpuView): string =>
  powerW === null || energyQuality === "counter" ? "measured" : energyQuality;

function Rate({ gpu }: { readonly gpu: GpuView }) {
  if (gpu.workload === "inference")
    return (
      <Metric label="Speed" note={gpu.activeRequests > 0 ? "of the engine" : "learned"}>
        <Value of={toTokenRate(gpu.tokensPerSecond)} />
      </Metric>
    );
  const { hashrateReportedHps: reported } = gpu;
  return (
    <Metric label="Hashrate" note={reported === null ? "\u00a0" : `reported ${join(toHashrate(reported))}`}>
      <Value of={toHashrate(gpu.hashrateEffectiveHps)} />
      {(gpu.dualHashrateEffectiveHps ?? gpu.dualHashrateReportedHps) !== null && (
        <Value of={toHashrate(gpu.dualHashrateEffectiveHps ?? gpu.dualHashrateReportedHps)} />
      )}
    </Metric>
  );
}

/** A card's own sensors, which the CPU device does not have. */
function Sensors({ gpu }: { readonly gpu: GpuView }) {
  const { temperatureC, utilizationPercent, vramUsedMiB, vramTotalMiB } = gpu;
  return (
    <>
      {temperatureC !== null && (
        <Metric
          label="Temperature"
          note={utilizationPercent === null ? "" : `${formatCount(utilizationPercent)} % busy`}
        >
          <Value of={toTemperature(temperatureC)} />
        </Metric>
      )}
      {vramUsedMiB !== null && (
        <Metric label="Memory" note={vramTotalMiB === null ? "" : `of ${join(toMemory(vramTotalMiB))}`}>
          <Value of={toMemory(vramUsedMiB)} />
        </Metric>
      )}
    </>
  );
}

interface MetricsProps {
  readonly gpu: GpuView;
  readonly isInvented: boolean;
}

/** What a glance needs. */
function Glance({ gpu, isInvented }: MetricsProps) {
  const note = gpu.temperatureC === null ? toPowerNote(gpu) : `at ${join(toTemperature(gpu.temperatureC))}`;
  return (
    <dl class="metrics" data-count={3}>
      <Metric label="Power" note={note}>
        <Value of={toPower(gpu.powerW)} />
      </Metric>
      <Rate gpu={gpu} />
      <Metric label="Net now" note={isInvented ? "per hour, invented" : "per hour"}>
        <Money usd={gpu.netUsdPerHour} />
      </Metric>
    </dl>
  );
}

function Metrics({ gpu, isInvented }: MetricsProps) {
  const sensors = [gpu.temperatureC, gpu.vramUsedMiB].filter((reading) => reading !== null).length;
  return (
    <dl class="metrics" data-count={4 + sensors}>
      <Metric label="Power" note={toPowerNote(gpu)}>
        <Value of={toPower(gpu.powerW)} />
      </Metric>
      <Rate gpu={gpu} />
      <Metric label="Net now" note={isInvented ? "per hour, invented" : "per hour"}>
        <Money usd={gpu.netUsdPerHour} />
      </Metric>
      <Metric label="Queue" note={`${formatCount(gpu.activeRequests)} running`}>
        {formatCount(gpu.queuedRequests)}
        <span class="unit"> waiting</span>
      </Metric>
      <Sensors gpu={gpu} />
    </dl>
  );
}

/** What is worth knowing on a second look; a no-break space keeps the line's height when there is nothing. */
function toFootnote({ roundTripMs, health }: GpuView): string {
  const parts = [
    roundTripMs === null ? "" : `handover and back ${formatDuration(roundTripMs)}`,
    health === "ok" ? "" : `health: ${health}`,
  ];
  return parts.filter(Boolean).join(" · ") || "\u00a0";
}

/** What does not go as configured, in every size of card: nobody looks for what they do not know of. */
function Warnings({ of }: { readonly of: GpuView["warnings"] }) {
  if (of.length === 0) return null;
  return (
    <ul class="warnings" aria-label="Warnings">
      {of.map((words) => (
        <li key={words}>
          <strong>Warning:</strong> {words}
        </li>
      ))}
    </ul>
  );
}

interface GpuCardProps {
  readonly gpu: GpuView;
  readonly rig: RigView;
  readonly samples: readonly Sample[];
  /** The agent's clock. */
  readonly now: number;
}

/** One GPU: what it does, since when and why, and its last ten minutes. */
export function GpuCard({ gpu, rig, samples, now }: GpuCardProps) {
  const tone = toTone(gpu);
  const title = toGpuTitle(gpu, rig.gpus.length);
  const order = toOwnOrder(gpu, rig);
  const crowded = isCrowded(rig);
  return (
    <article class="card gpu" data-tone={tone} aria-label={title}>
      <div class="gpu-body">
        <div>
          <div class="gpu-head">
            <h2>{title}</h2>
            <p class="pill">
              <span class="dot" aria-hidden="true" />
              {toToneLabel(tone)}
              {tone === "handover" && <span class="pill-note">{gpu.state}</span>}
              {tone === "hashing" && gpu.workName && <span class="pill-note">{gpu.workName}</span>}
            </p>
            {order && <p class="tag">mode {order}</p>}
            <p class="since">for {formatRunning(now - gpu.sinceMs)}</p>
          </div>
          <p class="why">{gpu.why}</p>
          <Warnings of={gpu.warnings} />
          {crowded ? (
            <Glance gpu={gpu} isInvented={rig.market.invented} />
          ) : (
            <>
              <Metrics gpu={gpu} isInvented={rig.market.invented} />
              <p class="note gpu-note">{toFootnote(gpu)}</p>
            </>
          )}
        </div>
        <Chart samples={samples} now={now} title={title} isSmall={crowded} />
      </div>
    </article>
  );
}
