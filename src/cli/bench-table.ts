import type { BenchEvent, BenchPointView } from "../api/bench.ts";
import { renderTable } from "./table.ts";
import { sayEnergy, sayHps, sayMoney, sayTps, sayWatts, UNKNOWN } from "./wording.ts";

export type BenchEnd = Extract<BenchEvent, { readonly type: "end" }>;

const NET_IF_FULL = "NET/H IF FULL";
const REMARK = "REMARK";
const RIGHT = new Set(["LIMIT", "AT ONCE", "RATE", "POWER", "ENERGY", "PER W", "NET/H", NET_IF_FULL, "SAMPLES"]);
const SPARE = ["SAMPLES", "PER W", "BASIS", "WORKLOAD", "ENERGY"];
const FULL = `${NET_IF_FULL}: were it asked this much all the time at the prices of now. \`profit\` values the requests that really come.`;

/** What was measured, a row for each setting, and what to write into rig.yaml for the best power limit. */
export function renderBench(ends: readonly BenchEnd[], columns?: number): string {
  const points = ends.flatMap((end) => end.points.map((point) => ({ point, isBest: isSame(point, end.best) })));
  const isSweep = points.some(({ point }) => point.powerLimitW !== null);
  const isServing = points.some(({ point }) => point.concurrency !== null);
  const header = [
    ...["", "GPU", "WORKLOAD"],
    ...(isSweep ? ["LIMIT"] : []),
    ...(isServing ? ["AT ONCE"] : []),
    ...["RATE", "BASIS", "POWER", "ENERGY", "PER W", isServing ? NET_IF_FULL : "NET/H", "SAMPLES", REMARK],
  ];
  const rows = points.map(({ point, isBest }) => [
    ...[isBest ? "▸" : " ", point.gpu, point.label],
    ...(isSweep ? [sayWatts(point.powerLimitW)] : []),
    ...(isServing ? [point.concurrency === null ? UNKNOWN : String(point.concurrency)] : []),
    ...[sayRate(point, 1), point.basis, sayWatts(point.powerW), sayEach(point), sayRate(point, point.powerW)],
    ...[sayMoney(point.netUsdPerHour), String(point.samples), sayRemark(point)],
  ]);
  const table = renderTable(header, rows, { right: RIGHT, spare: SPARE, below: REMARK, columns });
  return [table, ...(isServing ? [FULL] : []), ...ends.flatMap(renderEnd), ""].join("\n");
}

const isSame = (point: BenchPointView, best: BenchPointView | null): boolean =>
  best !== null && point.powerLimitW === best.powerLimitW && point.concurrency === best.concurrency;

/** Of one watt where `watts` is the draw. */
function sayRate({ hashrateHps, tokensPerSecond, ratePerW, powerW }: BenchPointView, watts: number | null): string {
  const isPerWatt = watts === powerW && watts !== 1;
  const rate = isPerWatt ? ratePerW : (hashrateHps ?? tokensPerSecond);
  return hashrateHps === null && tokensPerSecond !== null ? sayTps(rate) : sayHps(rate);
}

const sayEach = ({ joulesPerMegahash, joulesPerToken }: BenchPointView): string => {
  if (joulesPerToken !== null) return `${sayEnergy(joulesPerToken * 1000)}/token`;
  return joulesPerMegahash === null ? UNKNOWN : `${joulesPerMegahash.toPrecision(3)} J/MH`;
};

function sayRemark({ note, steady, stored, powerLimitW }: BenchPointView): string {
  if (note !== null) return note;
  if (!steady) return "did not become steady";
  if (stored) return "stored";
  return powerLimitW === null ? "not stored" : "";
}

function renderEnd({ gpu, best, restored }: BenchEnd): readonly string[] {
  const warning = restored ? [] : [`GPU ${gpu}: its power limit could not be set back yet; the agent goes on trying`];
  if (best?.powerLimitW == null) return warning;
  const role = best.workload === "hashing" ? "hashing" : "serving";
  const why = best.netUsdPerHour === null ? "most of a watt" : "most after electricity";
  return [
    ...warning,
    "",
    `# ${best.label} brings ${why} at ${sayWatts(best.powerLimitW)}; for rig.yaml:`,
    "power:",
    "  profiles:",
    `    - { gpu: ${gpu}, role: ${role}, powerLimitW: ${best.powerLimitW} }`,
  ];
}
