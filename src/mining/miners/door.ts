import type { Hashrate } from "../../units/work.ts";
import { fetchMinerStats, pauseMiner, resumeMiner } from "../reference/miner-api.ts";
import { present, sumOf, toRate } from "./answer.ts";
import { askMiner, type MinerAddress, readMiner } from "./api.ts";
import type { ApiQuestion, MinerProgram } from "./program.ts";
import type { MinerReading, MinerRun } from "./reading.ts";

/** What a running miner says of itself now; absent is unknown. */
export interface MinerNews {
  readonly paused?: boolean;
  /** Of its first algorithm. */
  readonly hashrate?: Hashrate;
  /** Of its second algorithm, where it has one. */
  readonly dualHashrate?: Hashrate;
}

type Order = (at: MinerAddress, signal: AbortSignal) => Promise<void>;

/** How a running miner is spoken to; every call throws `ERR_MINER_API` or `ERR_MINER_ANSWER`. */
export interface MinerDoor {
  read(at: MinerAddress, signal: AbortSignal): Promise<MinerNews>;
  /** Absent where the program cannot pause by itself. */
  readonly orders?: { readonly pause: Order; readonly resume: Order };
}

const baseOf = ({ host, port }: MinerAddress): string => `http://${host}:${port}`;

/** Rigshift's own miner, which says for certain whether it pauses. */
export const referenceDoor: MinerDoor = {
  read: async (at, signal) => {
    const { paused, hashrateHps } = await fetchMinerStats(baseOf(at), signal);
    return { paused, ...present({ hashrate: toRate(hashrateHps) }) };
  },
  orders: {
    pause: (at, signal) => pauseMiner(baseOf(at), signal),
    resume: (at, signal) => resumeMiner(baseOf(at), signal),
  },
};

/** Any other program, by its adapter; `token` is what it was started with, if its API takes one. */
export function programDoor(program: MinerProgram, token: string): MinerDoor {
  const { pause, apiSettings } = program;
  const key = apiSettings === undefined ? {} : { token };
  const order =
    (question: ApiQuestion): Order =>
    async (at, signal) => {
      await askMiner(question, { ...at, ...key }, signal);
    };
  return {
    read: async (at, signal) => toNews(await readMiner(program, { ...at, ...key }, signal)),
    ...(pause === undefined ? {} : { orders: { pause: order(pause.pause), resume: order(pause.resume) } }),
  };
}

/** Programs that tell no total are summed up: each of ours sees one GPU only. */
const toNews = ({ paused, runs: [first, second] }: MinerReading): MinerNews =>
  present({ paused, hashrate: rateOf(first), dualHashrate: rateOf(second) });

const rateOf = (run: MinerRun | undefined): Hashrate | undefined =>
  run?.hashrate ?? toRate(sumOf(run?.devices.map((device) => device.hashrate) ?? []));
