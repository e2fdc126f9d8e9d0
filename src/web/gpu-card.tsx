import type { GpuView } from "../api/shapes.ts";
import { Chart } from "./chart.tsx";
import {
  formatCount,
  formatDuration,
  formatRunning,
  formatUsd,
  join,
  toHashrate,
  toPower,
  toTemperature,
  toTokenRate,
} from "./format.ts";
import type { Sample } from "./history.ts";
import { toGpuTitle } from "./rows.ts";
import { toTone, toToneLabel } from "./tone.ts";
import { Metric, Value } from "./value.tsx";

/** Joules from a counter need no word; anything less says what it is. */
const toPowerNote = ({ powerW, energyQuality }: GpuView): string =>
  powerW === null || energyQuality === "counter" ? "measured" : energyQuality;

function Rate({ gpu }: { readonly gpu: GpuView }) {
  const isServing = gpu.workload === "inference" || (gpu.tokensPerSecond !== null && gpu.hashrateReportedHps === null);
  if (isServing)
    return (
      <Metric label="Speed" note="of the engine">
        <Value of={toTokenRate(gpu.tokensPerSecond)} />
      </Metric>
    );
  return (
    <Metric label="Hashrate" note={`reported ${join(toHashrate(gpu.hashrateReportedHps))}`}>
      <Value of={toHashrate(gpu.hashrateEffectiveHps)} />
    </Metric>
  );
}

function Metrics({ gpu }: { readonly gpu: GpuView }) {
  const hasTemperature = gpu.temperatureC !== null;
  return (
    <dl class="metrics" data-count={hasTemperature ? 5 : 4}>
      <Metric label="Power" note={toPowerNote(gpu)}>
        <Value of={toPower(gpu.powerW)} />
      </Metric>
      <Rate gpu={gpu} />
      <Metric label="Net now" note="per hour">
        {formatUsd(gpu.netUsdPerHour)}
      </Metric>
      <Metric label="Queue" note={`${formatCount(gpu.activeRequests)} running`}>
        {formatCount(gpu.queuedRequests)}
        <span class="unit"> waiting</span>
      </Metric>
      {hasTemperature && (
        <Metric label="Temperature" note={toLoad(gpu)}>
          <Value of={toTemperature(gpu.temperatureC)} />
        </Metric>
      )}
    </dl>
  );
}

const toLoad = ({ utilizationPercent }: GpuView): string =>
  utilizationPercent === null ? "" : `${formatCount(utilizationPercent)} % busy`;

/** What is worth knowing on a second look. */
function toFootnote({ roundTripMs, vramUsedMiB, vramTotalMiB, health }: GpuView): string {
  const parts = [
    roundTripMs === null ? "" : `handover and back ${formatDuration(roundTripMs)}`,
    vramUsedMiB === null ? "" : `VRAM ${formatCount(vramUsedMiB)} of ${formatCount(vramTotalMiB)} MiB`,
    health === "ok" ? "" : `health: ${health}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

interface GpuCardProps {
  readonly gpu: GpuView;
  readonly count: number;
  readonly samples: readonly Sample[];
  /** The agent's clock. */
  readonly now: number;
}

/** One GPU: what it does, since when and why, and its last ten minutes. */
export function GpuCard({ gpu, count, samples, now }: GpuCardProps) {
  const tone = toTone(gpu);
  const title = toGpuTitle(gpu, count);
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
            </p>
            <p class="since">for {formatRunning(now - gpu.sinceMs)}</p>
          </div>
          <p class="why">{gpu.why}</p>
          <Metrics gpu={gpu} />
          <p class="note gpu-note">{toFootnote(gpu)}</p>
        </div>
        <Chart samples={samples} now={now} title={title} />
      </div>
    </article>
  );
}
