/*
 * What each rule would have earned on recorded prices and requests, ours beside the rivals' and the clairvoyant. Says for
 * each target whether it is met. `--data DIR`, else RIGSHIFT_DATA, else the recordings beside the repository. `--costs 30`
 * takes switches of so many seconds one way only, which is the quicker run.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { renderTable } from "../../src/cli/table.ts";
import { BASELINES } from "../../src/policy/baselines/all.ts";
import { DEFAULT_GAP_RULE, GAP_RULES } from "../../src/policy/gap/rules.ts";
import { DEFAULT_PRICE_RULE, OUR_RULES } from "../../src/policy/price/rules.ts";
import { type GapReport, replayRequests } from "../../src/policy/replay/gap-replay.ts";
import { type PriceReport, replayPrices } from "../../src/policy/replay/price-replay.ts";
import { uniformCost } from "../../src/policy/replay/trace.ts";
import { BOUND, knowsTheLaw } from "./policy-bound.ts";
import { readRequestTraces } from "./policy-data.ts";
import { buildPriceTraces, CLOCKS, type Kind, type Named, thin, yearOfMinutes } from "./policy-traces.ts";

const COSTS_S = [30, 120, 600];
const SEEDS = 20;
const ROUND_TRIPS = [
  [0.5, 0.5],
  [3, 3],
  [8, 17],
  [45, 20],
] as const;
/** An 8B model at 4 bits on one gaming card, and a coin. */
const SERVING = {
  prefillTokensPerS: 2800,
  decodeTokensPerS: 100,
  usdPerMtokIn: 0.1,
  usdPerMtokOut: 0.4,
  mineUsdPerHour: 0.05,
};
const RULES = [...OUR_RULES, ...BASELINES];
const KINDS: readonly Kind[] = ["hourly", "held by minute", "noisy by minute", "demand by minute"];

interface PriceRun extends Named {
  readonly costS: number;
  readonly days: number;
  readonly report: PriceReport;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? Number.NaN;
const known = (values: readonly (number | null)[]): readonly number[] => values.filter((value) => value !== null);
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

function runPrices(traces: readonly Named[], costs: readonly number[]): readonly PriceRun[] {
  return traces.flatMap((named, index) => {
    progress("price traces", index, traces.length);
    return costs.map((costS) => {
      const { trace, law } = named;
      const terms = { costs: uniformCost(trace.workloads.length, costS), minDwell: 0 };
      const seconds = (trace.times.at(-1) ?? 0) - (trace.times[0] ?? 0);
      return {
        ...named,
        costS,
        days: seconds / 86_400,
        report: replayPrices(
          trace,
          terms,
          law === undefined ? RULES : [...RULES, knowsTheLaw(trace, terms, law)],
          DEFAULT_PRICE_RULE.name,
        ),
      };
    });
  });
}

/** How much of the best rule's net `name` misses on one trace; 0 for the best itself. */
function missed({ report }: PriceRun, name: string): number {
  const best = Math.max(...RULES.map((rule) => of(report, rule.name).netUsd));
  return (best - of(report, name).netUsd) / Math.max(1e-12, Math.abs(best));
}

function of({ policies }: PriceReport, name: string): PriceReport["policies"][number] {
  const own = policies.find((policy) => policy.name === name);
  if (own === undefined) throw new Error(`no policy ${name}`);
  return own;
}

const PRICE_HEADER = [
  "POLICY",
  "NET USD",
  "REVENUE",
  "UPSIDE",
  "LOSS MEAN",
  "LOSS MEDIAN",
  "LOSS MAX",
  "SWITCHES/DAY",
  "WITHIN 1 %",
];

function priceTable(runs: readonly PriceRun[]): string {
  const days = runs.reduce((sum, run) => sum + run.days, 0);
  const bounded = runs.every(({ law }) => law !== undefined) ? [BOUND] : [];
  const rows = [...RULES.map(({ name }) => name), ...bounded].map((name) => {
    const own = runs.map(({ report }) => of(report, name));
    const losses = known(own.map(({ lossRatio }) => lossRatio));
    const net = own.reduce((sum, { netUsd }) => sum + netUsd, 0);
    return [
      name === DEFAULT_PRICE_RULE.name ? `${name} (default)` : name,
      net.toFixed(2),
      percent(mean(known(own.map(({ revenueShare }) => revenueShare)))),
      percent(upside(runs, name)),
      mean(losses).toFixed(2),
      quantile(losses, 0.5).toFixed(2),
      quantile(losses, 1).toFixed(2),
      (own.reduce((sum, { switches }) => sum + switches, 0) / days).toFixed(2),
      percent(mean(runs.map((run) => (missed(run, name) <= 0.01 ? 1 : 0)))),
    ];
  });
  const best = runs.reduce((sum, { report }) => sum + report.clairvoyant.netUsd, 0);
  return renderTable(PRICE_HEADER, [...rows, ["clairvoyant", best.toFixed(2), ...Array(7).fill("")]], {
    right: new Set(PRICE_HEADER.slice(1)),
  });
}

/** Of all that the clairvoyant earned beyond the best single workload, summed over the runs. */
function upside(runs: readonly PriceRun[], name: string): number {
  const beyond = (net: (report: PriceReport) => number): number =>
    runs.reduce((sum, { report }) => sum + net(report) - report.bestSingle.netUsd, 0);
  return beyond((report) => of(report, name).netUsd) / beyond(({ clairvoyant }) => clairvoyant.netUsd);
}

interface GapRun {
  readonly trace: string;
  readonly trip: readonly [number, number];
  readonly reports: readonly GapReport[];
}

function runGaps(folder: string): readonly GapRun[] {
  return readRequestTraces(folder).flatMap((requests) =>
    ROUND_TRIPS.map((trip) => ({
      trace: requests.name,
      trip,
      reports: Array.from({ length: SEEDS }, (_, seed) => {
        if (seed === 0) progress(`${requests.name}, switches of ${trip.join(" + ")} s`, 0, SEEDS);
        const terms = { ...SERVING, wake: trip[0], back: trip[1] };
        return replayRequests(thin(requests, seed + 1), terms, GAP_RULES, DEFAULT_GAP_RULE.name);
      }),
    })),
  );
}

const GAP_HEADER = [
  "TRACE",
  "WAKE+BACK S",
  "POLICY",
  "NET USD",
  "WASTE",
  "MINING",
  "OF CLAIRVOYANT",
  "WAIT P50",
  "WAIT P99",
  "WITHIN 10 S",
  "SWITCHES/H",
];

function gapFigures({ reports }: GapRun, name: string) {
  const own = reports.flatMap(({ policies }) => policies.filter((policy) => policy.name === name));
  const mining = mean(known(own.map(({ miningShare }) => miningShare)));
  const best = mean(known(reports.map(({ clairvoyant }) => clairvoyant.miningShare)));
  return {
    net: mean(own.map(({ netUsd }) => netUsd)),
    waste: mean(known(own.map(({ wasteRatio }) => wasteRatio))),
    mining,
    ofClairvoyant: mining / best,
    waitP50: mean(own.map(({ waitP50S }) => waitP50S)),
    waitP99: mean(own.map(({ waitP99S }) => waitP99S)),
    prompt: mean(own.map(({ promptShare }) => promptShare)),
    switches: mean(known(own.map(({ switchesPerHour }) => switchesPerHour))),
  };
}

function gapTable(runs: readonly GapRun[]): string {
  const rows = runs.flatMap((run) =>
    GAP_RULES.map(({ name }) => {
      const figures = gapFigures(run, name);
      return [
        run.trace,
        run.trip.join("+"),
        name === DEFAULT_GAP_RULE.name ? `${name} (default)` : name,
        figures.net.toFixed(4),
        figures.waste.toFixed(2),
        percent(figures.mining),
        percent(figures.ofClairvoyant),
        `${figures.waitP50.toFixed(1)} s`,
        `${figures.waitP99.toFixed(1)} s`,
        percent(figures.prompt),
        figures.switches.toFixed(0),
      ];
    }),
  );
  return renderTable(GAP_HEADER, rows, { right: new Set(GAP_HEADER.slice(3)) });
}

interface Target {
  readonly target: string;
  readonly got: string;
  readonly met: boolean;
}

function priceTargets(runs: readonly PriceRun[]): readonly Target[] {
  const { name } = DEFAULT_PRICE_RULE;
  const near = mean(runs.map((run) => (missed(run, name) <= 0.01 ? 1 : 0)));
  const pairs = runs.filter(({ recorded, trace }) => recorded && trace.workloads.length === 2);
  const quick = runs.filter(({ costS }) => 2 * costS <= 60);
  return [
    { target: "within 1 % of the best rule on >= 95 % of traces", got: percent(near), met: near >= 0.95 },
    ...["hourly", "held by minute"].flatMap((kind) =>
      lossTargets(
        pairs.filter((run) => run.kind === kind),
        kind,
      ),
    ),
    ...KINDS.flatMap((kind) =>
      upsideTargets(
        quick.filter((run) => run.kind === kind),
        kind,
      ),
    ),
  ];
}

/** Each kind by itself: leases by the hour earn so much more that they would hide all others in one sum. */
function upsideTargets(runs: readonly PriceRun[], kind: Kind): readonly Target[] {
  if (runs.length === 0) return [];
  const own = upside(runs, DEFAULT_PRICE_RULE.name);
  const [best] = RULES.map(({ name }) => ({ name, got: upside(runs, name) })).toSorted((a, b) => b.got - a.got);
  const left = runs.reduce((sum, { report }) => sum + report.clairvoyant.netUsd - report.bestSingle.netUsd, 0);
  const bound = runs.every(({ law }) => law !== undefined)
    ? `; ${percent(upside(runs, BOUND))} for who knows what each minute is drawn from`
    : "";
  return [
    {
      target: `>= 95 % of the net upside where the round trip is <= 1 min, ${kind}`,
      got: `${percent(own)} of ${left.toFixed(2)} USD; at best ${percent(best?.got ?? Number.NaN)}, by ${best?.name}${bound}`,
      met: own >= 0.95,
    },
  ];
}

/** Beside what the default lost stands the least that any rule lost, chosen for each trace with hindsight. */
function lossTargets(runs: readonly PriceRun[], kind: string): readonly Target[] {
  const known = runs.flatMap((run) => {
    const loss = of(run.report, DEFAULT_PRICE_RULE.name).lossRatio;
    const least = Math.min(...run.report.policies.map(({ lossRatio }) => lossRatio ?? Number.POSITIVE_INFINITY));
    return loss === null ? [] : [{ run, loss, least }];
  });
  const [worst] = known.toSorted((a, b) => b.loss - a.loss);
  if (worst === undefined) return [];
  const { report, name, costS } = worst.run;
  const left = (report.idealUsd - report.clairvoyant.netUsd).toFixed(5);
  const own = mean(known.map(({ loss }) => loss));
  const above = known.filter(({ loss }) => loss > 2).length;
  return [
    {
      target: `mean loss ratio <= 1.25 on recorded pairs, ${kind}`,
      got: `${own.toFixed(2)}; ${mean(known.map(({ least }) => least)).toFixed(2)} with the best rule for each`,
      met: own <= 1.25,
    },
    {
      target: `loss ratio never above 2 on recorded pairs, ${kind}`,
      got:
        `${worst.loss.toFixed(2)}, ${worst.least.toFixed(2)} by the best rule; ${above} of ${known.length} above 2; worst on ` +
        `${name} at ${costS} s, where the clairvoyant loses ${left} of ${report.idealUsd.toFixed(2)} USD`,
      met: above === 0,
    },
  ];
}

function gapTargets(runs: readonly GapRun[]): readonly Target[] {
  const figures = runs
    .filter(({ trip }) => trip[0] + trip[1] <= 25)
    .map((run) => gapFigures(run, DEFAULT_GAP_RULE.name));
  const waste = Math.max(...figures.map((one) => one.waste));
  const mining = Math.min(...figures.map(({ ofClairvoyant }) => ofClairvoyant));
  return [
    {
      target: "gap waste <= 1.5 x clairvoyant, round trips <= 25 s",
      got: `${waste.toFixed(2)} at worst`,
      met: waste <= 1.5,
    },
    { target: "mining >= 70 % of the clairvoyant share", got: `${percent(mining)} at worst`, met: mining >= 0.7 },
  ];
}

function speedTarget(): Target {
  const trace = yearOfMinutes();
  const cpu = process.cpuUsage();
  replayPrices(trace, { costs: uniformCost(3, 60), minDwell: 0 }, RULES, DEFAULT_PRICE_RULE.name);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (user + system) / 1e6;
  return {
    target: "a year of minutes, all policies, <= 5 s",
    got: `${seconds.toFixed(1)} s of CPU`,
    met: seconds <= 5,
  };
}

/** Where the answer goes to is left alone. */
const progress = (what: string, done: number, all: number): void =>
  void process.stderr.write(`${what}: ${done} of ${all}\n`);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function main(): void {
  const { values } = parseArgs({ options: { data: { type: "string" }, costs: { type: "string" } } });
  const folder = resolve(values.data ?? process.env.RIGSHIFT_DATA ?? resolve("..", "shared", "data"));
  const traces = buildPriceTraces(folder);
  if (traces.length === 0)
    throw new Error(`no traces can be built from ${folder}: set RIGSHIFT_DATA, or give --data DIR`);
  const costs = values.costs?.split(",").map(Number) ?? COSTS_S;
  say(`${traces.length} price traces from ${folder}, each at switches of ${costs.join(", ")} s. ${CLOCKS}`);
  const runs = runPrices(traces, costs);
  for (const kind of KINDS) {
    const own = runs.filter((run) => run.kind === kind);
    if (own.length > 0) say(`\nPrices, ${kind}: ${own.length / costs.length} traces\n${priceTable(own)}`);
  }
  say(`\nPrices, all\n${priceTable(runs)}`);
  const gaps = runGaps(folder);
  say(`\nRequests, 1 % of each trace, mean of ${SEEDS} seeds\n${gapTable(gaps)}`);
  const targets = [...priceTargets(runs), ...gapTargets(gaps), speedTarget()];
  say("");
  for (const { target, got, met } of targets) say(`${met ? "met    " : "not met"}  ${target}: ${got}`);
  say(JSON.stringify({ bench: "policy", traces: traces.length, default: DEFAULT_PRICE_RULE.name, targets }));
}

main();
