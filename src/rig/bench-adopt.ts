import type { MinerName } from "../config/mining-terms.ts";
import { MiningError } from "../mining/errors.ts";
import { readMiner } from "../mining/miners/api.ts";
import { MINER_PROGRAMS } from "../mining/miners/programs.ts";
import type { MinerReading, MinerRun } from "../mining/miners/reading.ts";
import { type Millis, seconds } from "../units/time.ts";
import { type BenchFigure, meanOf } from "./bench-figures.ts";
import { figureOf } from "./bench-sightings.ts";
import { RigStateError } from "./errors.ts";
import type { FlightSheet } from "./flight-sheets.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { GpuSnapshot } from "./snapshot.ts";

/** A miner on this machine that is not ours: its program, whose API answers on that port of loopback. */
export interface ForeignMiner {
  readonly program: MinerName;
  readonly port: number;
}

const LOOK_EVERY = seconds(1);
const LOOPBACK = "127.0.0.1";

type Seen = Parameters<typeof figureOf>[0];

/** For which flight sheet a foreign miner's figures are taken, and for how long it is watched. */
export interface Adoption {
  readonly parts: LoopParts & { readonly look: () => GpuSnapshot };
  readonly length: Millis;
  readonly sheet: Pick<FlightSheet, "name" | "coin" | "minerAlgorithm"> | undefined;
  /** Whether a miner that does not say what it hashes is taken to hash by the flight sheet. */
  readonly trustsUntold: boolean;
}

/** What a miner that is not ours says it does on this GPU, and what the GPU draws meanwhile; touches neither. */
export async function* watchForeign(
  miner: ForeignMiner,
  { parts, length, sheet, trustsUntold }: Adoption,
  signal: AbortSignal,
): AsyncGenerator<number, Pick<BenchFigure, "rate" | "power" | "samples" | "isSteady" | "note">> {
  const { clock, look, info } = parts;
  const program = MINER_PROGRAMS[miner.program];
  const rates: number[] = [];
  const powers: (number | undefined)[] = [];
  const began = clock.monotonic();
  let [passed, isTold] = [0, true];
  while (!signal.aborted && passed < length) {
    const reading = await readMiner(program, { host: LOOPBACK, port: miner.port }, signal).catch((error: unknown) => {
      throw pointedOut(error, miner);
    });
    const run = runOf(reading, sheet);
    if (sayAlgorithm(run) === undefined) isTold = false;
    rates.push(rateOf(run, reading.paused, info.pciBusId));
    powers.push(look().reading?.power);
    yield passed / length;
    await clock.wait(LOOK_EVERY, signal);
    passed = clock.monotonic() - began;
  }
  const note = `${miner.program} does not say what it hashes; with --yes it is taken for ${sheet?.coin.algorithm}`;
  const isBelieved = isTold || trustsUntold || sheet === undefined;
  const seen: Seen = { rates, powers, isEffective: false, isSteady: true, ...(isBelieved ? {} : { note }) };
  return figureOf(seen, meanOf(rates), undefined);
}

/** Of a miner that is not ours there is no log here to look at. */
function pointedOut(error: unknown, { program, port }: ForeignMiner): unknown {
  if (!(error instanceof MiningError) || error.facts.code !== "ERR_MINER_API") return error;
  const mend = `start ${program} with its API on ${LOOPBACK}:${port}, or give the port that it has: --adopt ${program}:<port>`;
  return new MiningError(error.message, { ...error.facts, mend }, { cause: error });
}

const sayAlgorithm = (run: MinerRun | undefined): string | undefined => run?.algorithm || undefined;

/** What is hashed by the flight sheet, of a miner that may hash two coins at once; the first where none is told. */
function runOf({ runs }: MinerReading, sheet: Adoption["sheet"]): MinerRun | undefined {
  if (sheet === undefined) return runs[0];
  const names = namesOf(sheet);
  const match = runs.find((run) => names.has(plain(sayAlgorithm(run) ?? "")));
  const untold = runs.find((run) => sayAlgorithm(run) === undefined);
  if (match !== undefined || untold !== undefined || runs.length === 0) return match ?? untold;
  const told = runs.map(({ algorithm }) => algorithm).join(" and ");
  throw new RigStateError(`the miner hashes ${told}, and flight sheet ${sheet.name} is of ${sheet.coin.algorithm}`, {
    code: "ERR_BENCH_NO_RATE",
    mend: "name the flight sheet that it hashes by with --sheet, or set miner.algorithm of this one to the miner's word",
  });
}

/** What miners call an algorithm beside its own name. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  kheavyhash: ["heavyhash", "kas", "kaspa"],
  alephium: ["alph", "blake3alephium", "alephiumblake3"],
  randomx: ["rx0", "rx"],
};

const namesOf = ({ coin: { algorithm }, minerAlgorithm = algorithm }: NonNullable<Adoption["sheet"]>) =>
  new Set([...[algorithm, minerAlgorithm].map(plain), ...(OTHER_NAMES[algorithm] ?? [])]);

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** Of this card where the miner works on several. */
function rateOf(run: MinerRun | undefined, paused: boolean | undefined, pciBusId: string | undefined): number {
  const devices = run?.devices ?? [];
  const bus = pciBusId === undefined ? undefined : Number.parseInt(pciBusId.split(":").at(-2) ?? "", 16);
  const device =
    devices.length === 1 ? devices[0] : devices.find(({ pciBus }) => pciBus !== undefined && pciBus === bus);
  const rate = devices.length > 1 ? device?.hashrate : (device?.hashrate ?? run?.hashrate);
  if (rate !== undefined && rate > 0 && paused !== true) return rate;
  const what =
    devices.length > 1 && device === undefined
      ? `the miner works on ${devices.length} GPUs and does not say which of them is this one`
      : "the miner does not hash now";
  throw new RigStateError(what, {
    code: "ERR_BENCH_NO_RATE",
    mend: "adopt while it hashes, on one GPU or with PCI buses",
  });
}
