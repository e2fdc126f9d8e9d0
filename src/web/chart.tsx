import { useState } from "preact/hooks";
import {
  greatestOf,
  niceCeiling,
  SHEET_WIDTH,
  type Span,
  sampleAt,
  toBands,
  toLine,
  toSpan,
  toStretches,
  toX,
} from "./chart-lines.ts";
import { formatClock, join, type Quantity, toHashrate, toPower, toTokenRate } from "./format.ts";
import type { Sample } from "./history.ts";
import { type Tone, toToneLabel } from "./tone.ts";

const HEIGHT = 100;

interface Series {
  readonly name: string;
  /** Decides the colour; power has none of its own. */
  readonly tone: Tone | "power";
  readonly pick: (sample: Sample) => number | null;
  readonly toText: (value: number | null) => Quantity;
}

const POWER: Series = { name: "Power", tone: "power", pick: ({ powerW }) => powerW, toText: toPower };
const HASHRATE: Series = {
  name: "Hashrate",
  tone: "hashing",
  pick: ({ hashrateHps }) => hashrateHps,
  toText: toHashrate,
};
const TOKENS: Series = {
  name: "Tokens",
  tone: "inference",
  pick: ({ tokensPerSecond }) => tokensPerSecond,
  toText: toTokenRate,
};

const TWO_PANELS = [[POWER], [HASHRATE, TOKENS]];
const ONE_PANEL = [[POWER, HASHRATE, TOKENS]];

interface PanelProps {
  readonly series: readonly Series[];
  readonly samples: readonly Sample[];
  readonly span: Span;
}

const Line = ({
  series,
  samples,
  span,
}: {
  readonly series: Series;
  readonly samples: readonly Sample[];
  readonly span: Span;
}) => {
  const ceiling = niceCeiling(greatestOf(samples, series.pick) ?? 0);
  const stretches = toStretches(samples, series.pick, { span, ceiling, height: HEIGHT });
  return (
    <g class="series" data-tone={series.tone}>
      <path class="line" d={toLine(stretches)} vector-effect="non-scaling-stroke" />
    </g>
  );
};

/** Lines over the bands of who had the GPU; each line has a scale of its own, told in words beside it. */
function Panel({ series, samples, span }: PanelProps) {
  return (
    <div class="panel">
      <p class="scale">
        {series.map((one) => {
          const greatest = greatestOf(samples, one.pick);
          return (
            <span key={one.name} data-tone={one.tone} class="scale-item">
              {one.name} <span class="scale-peak">peak {greatest === null ? "–" : join(one.toText(greatest))}</span>
            </span>
          );
        })}
      </p>
      <svg viewBox={`0 0 ${SHEET_WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {toBands(samples, span).map(({ tone, from, to }) => (
          <g key={from} data-tone={tone}>
            <rect class="band" x={from} y="0" width={to - from} height={HEIGHT} />
            <rect class="floor" x={from} y={HEIGHT - 6} width={to - from} height="6" />
          </g>
        ))}
        {series.map((one) => (
          <Line key={one.name} series={one} samples={samples} span={span} />
        ))}
      </svg>
    </div>
  );
}

function describe(samples: readonly Sample[], title: string): string {
  const now = samples.at(-1);
  if (!now) return `${title}: no samples yet.`;
  const peak = join(toPower(greatestOf(samples, POWER.pick)));
  return `${title}, last ten minutes: ${join(toPower(now.powerW))} now, ${peak} at the peak, ${toToneLabel(now.tone).toLowerCase()}.`;
}

function Legend({ samples, span }: { readonly samples: readonly Sample[]; readonly span: Span }) {
  const tones = [...new Set(toBands(samples, span).map(({ tone }) => tone))];
  return (
    <p class="legend">
      <span>{span.spanMs / 60_000} min ago</span>
      <span class="legend-tones">
        {tones.map((tone) => (
          <span key={tone} data-tone={tone} class="legend-tone">
            {toToneLabel(tone)}
          </span>
        ))}
      </span>
      <span>now</span>
    </p>
  );
}

function Readout({ sample }: { readonly sample: Sample }) {
  const rate = sample.tone === "inference" ? toTokenRate(sample.tokensPerSecond) : toHashrate(sample.hashrateHps);
  return (
    <p class="legend readout">
      <span>{formatClock(sample.atMs)}</span>
      <span>{toToneLabel(sample.tone)}</span>
      <span>
        {join(toPower(sample.powerW))} · {join(rate)}
      </span>
    </p>
  );
}

interface ChartProps {
  readonly samples: readonly Sample[];
  /** The agent's clock. */
  readonly now: number;
  readonly title: string;
  /** One panel for all lines. */
  readonly isSmall?: boolean;
}

/** Watts and work of the last ten minutes. Pointing at it reads one moment; the label says the gist in words. */
export function Chart({ samples, now, title, isSmall = false }: ChartProps) {
  const span = toSpan(samples, now);
  const [x, setX] = useState<number>();
  const pointed = x === undefined ? undefined : sampleAt(samples, x, span);
  const onMove = (event: PointerEvent & { readonly currentTarget: HTMLElement }) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setX(((event.clientX - left) / width) * SHEET_WIDTH);
  };
  return (
    <figure class="chart" role="img" aria-label={describe(samples, title)}>
      <div class="panels" onPointerMove={onMove} onPointerLeave={() => setX(undefined)}>
        {(isSmall ? ONE_PANEL : TWO_PANELS).map((series) => (
          <Panel
            key={series[0]?.name}
            series={isSmall ? series.filter(({ pick }) => greatestOf(samples, pick) !== null) : series}
            samples={samples}
            span={span}
          />
        ))}
        {pointed && (
          <svg class="cursor" viewBox={`0 0 ${SHEET_WIDTH} 1`} preserveAspectRatio="none" aria-hidden="true">
            <line
              x1={toX(pointed.atMs, span)}
              x2={toX(pointed.atMs, span)}
              y1="0"
              y2="1"
              vector-effect="non-scaling-stroke"
            />
          </svg>
        )}
      </div>
      {pointed ? <Readout sample={pointed} /> : <Legend samples={samples} span={span} />}
    </figure>
  );
}
