import type { MinerName } from "../config/mining-terms.ts";
import { readMiner } from "../mining/miners/api.ts";
import { MINER_PROGRAMS } from "../mining/miners/programs.ts";
import type { MinerReading } from "../mining/miners/reading.ts";
import { type Millis, seconds } from "../units/time.ts";
import { type BenchFigure, meanOf } from "./bench-figures.ts";
import { figureOf } from "./bench-sightings.ts";
import { RigStateError } from "./errors.ts";
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

/** What a miner that is not ours says it does on this GPU, and what the GPU draws meanwhile; touches neither. */
export async function* watchForeign(
  miner: ForeignMiner,
  { parts, length }: { readonly parts: LoopParts & { readonly look: () => GpuSnapshot }; readonly length: Millis },
  signal: AbortSignal,
): AsyncGenerator<number, Pick<BenchFigure, "rate" | "power" | "samples" | "isSteady">> {
  const { clock, look, info } = parts;
  const program = MINER_PROGRAMS[miner.program];
  const rates: number[] = [];
  const powers: (number | undefined)[] = [];
  const began = clock.monotonic();
  let passed = 0;
  while (!signal.aborted && passed < length) {
    const reading = await readMiner(program, { host: LOOPBACK, port: miner.port }, signal);
    rates.push(rateOf(reading, info.pciBusId));
    powers.push(look().reading?.power);
    yield passed / length;
    await clock.wait(LOOK_EVERY, signal);
    passed = clock.monotonic() - began;
  }
  const seen: Seen = { rates, powers, isEffective: false, isSteady: true };
  return figureOf(seen, meanOf(rates), undefined);
}

/** Of this card where the miner works on several. */
function rateOf({ runs: [run], paused }: MinerReading, pciBusId: string | undefined): number {
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
