import type { GpuView, ReadyView, RigView } from "./shapes.ts";

interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter" | "info";
  readonly help: string;
  readonly unit?: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  /** Null samples are left out: an unknown reading is absent. */
  readonly value: number | null;
}

const escapeLabel = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

const SUFFIX: Readonly<Record<Family["type"], string>> = { gauge: "", counter: "_total", info: "_info" };

function renderFamily({ name, type, help, unit, samples }: Family): string {
  const lines = samples.flatMap(({ labels, value }) => {
    if (value === null) return [];
    const pairs = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return [`${name}${SUFFIX[type]}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`];
  });
  const head = [`# TYPE ${name} ${type}`, ...(unit ? [`# UNIT ${name} ${unit}`] : []), `# HELP ${name} ${help}`];
  return [...head, ...lines, ""].join("\n");
}

/** OpenMetrics text; every name ends in its unit, and unknown readings have no sample. */
export function renderMetrics(rig: RigView, ready: ReadyView): string {
  const families: readonly Family[] = [...rigFamilies(rig, ready), ...gpuFamilies(rig.gpus)];
  return `${families.map(renderFamily).join("")}# EOF\n`;
}

function rigFamilies(rig: RigView, ready: ReadyView): readonly Family[] {
  const { today } = rig;
  return [
    {
      name: "rigshift",
      type: "info",
      help: "What runs here.",
      samples: [{ labels: { version: rig.version, rig: rig.rig, source: rig.source, mode: rig.mode }, value: 1 }],
    },
    { name: "rigshift_ready", type: "gauge", help: "1 when ready.", samples: [{ value: ready.ready ? 1 : 0 }] },
    {
      name: "rigshift_start_time_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When the agent started.",
      samples: [{ value: rig.startedMs / 1000 }],
    },
    {
      name: "rigshift_today_net_usd",
      type: "gauge",
      unit: "usd",
      help: "Estimated revenue less electricity since midnight UTC.",
      samples: [{ value: today.netUsd }],
    },
    {
      name: "rigshift_today_electricity_usd",
      type: "gauge",
      unit: "usd",
      help: "Electricity of jobs since midnight UTC.",
      samples: [{ value: today.electricityUsd }],
    },
    {
      name: "rigshift_today_shares",
      type: "gauge",
      help: "Shares since midnight UTC, by the pool's verdict.",
      samples: [
        { labels: { verdict: "accepted" }, value: today.sharesAccepted },
        { labels: { verdict: "rejected" }, value: today.sharesRejected },
      ],
    },
    {
      name: "rigshift_today_completions",
      type: "gauge",
      help: "Completed inference requests since midnight UTC.",
      samples: [{ value: today.completions }],
    },
    {
      name: "rigshift_today_output_tokens",
      type: "gauge",
      help: "Tokens generated since midnight UTC.",
      samples: [{ value: today.tokensOut }],
    },
  ];
}

function gpuFamilies(gpus: readonly GpuView[]): readonly Family[] {
  const perGpu = (pick: (gpu: GpuView) => number | null): readonly Sample[] =>
    gpus.map((gpu) => ({ labels: { gpu: gpu.uuid }, value: pick(gpu) }));
  const gauge = (name: string, help: string, pick: (gpu: GpuView) => number | null, unit?: string): Family => ({
    name,
    type: "gauge",
    help,
    samples: perGpu(pick),
    ...(unit === undefined ? {} : { unit }),
  });
  return [
    {
      name: "rigshift_gpu_workload",
      type: "gauge",
      help: "1 for what the GPU does now.",
      samples: gpus.map(({ uuid, workload, state }) => ({ labels: { gpu: uuid, workload, state }, value: 1 })),
    },
    gauge("rigshift_gpu_power_watts", "Power now.", (gpu) => gpu.powerW, "watts"),
    {
      name: "rigshift_gpu_energy_joules",
      type: "counter",
      unit: "joules",
      help: "The GPU's cumulative energy counter.",
      samples: perGpu((gpu) => (gpu.energyMj === null ? null : gpu.energyMj / 1000)),
    },
    gauge("rigshift_gpu_temperature_celsius", "Temperature.", (gpu) => gpu.temperatureC, "celsius"),
    gauge(
      "rigshift_gpu_hashrate_effective_hashes_per_second",
      "From accepted shares.",
      (gpu) => gpu.hashrateEffectiveHps,
    ),
    gauge("rigshift_gpu_hashrate_reported_hashes_per_second", "From the miner.", (gpu) => gpu.hashrateReportedHps),
    gauge("rigshift_gpu_inference_tokens_per_second", "Learned speed.", (gpu) => gpu.tokensPerSecond),
    gauge("rigshift_gpu_net_usd_per_hour", "Worth of the present work after electricity.", (gpu) => gpu.netUsdPerHour),
    gauge("rigshift_gpu_requests_queued", "Requests that wait.", (gpu) => gpu.queuedRequests),
    gauge("rigshift_gpu_requests_active", "Requests that run.", (gpu) => gpu.activeRequests),
  ];
}
