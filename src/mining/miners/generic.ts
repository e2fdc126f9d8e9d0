import type { z } from "zod";
import { MiningError } from "../errors.ts";
import { badAnswer, field, parseJson, present, toRate, toUptime } from "./answer.ts";
import { http, type MinerPool, type MinerProgram, type MinerSheet, toAddress } from "./program.ts";

/** How a program that Rigshift does not know is started, and where its API says what; pointers by RFC 6901. */
export interface GenericMiner {
  /**
   * `{algorithm}`, `{pool}` (host:port), `{host}`, `{port}`, `{user}`, `{password}`, each with a 2 for the second coin,
   * and `{apiPort}` are filled in.
   */
  readonly args: readonly string[];
  readonly path: string;
  readonly hashrate: string;
  /** Hashes per second in one unit of `hashrate`. */
  readonly hashrateUnit: number;
  /** Of the second coin. */
  readonly hashrate2?: string;
  /** Default: 1. */
  readonly hashrate2Unit?: number;
  readonly accepted?: string;
  readonly rejected?: string;
  readonly uptimeS?: string;
}

const PLACE = /\{(\w+)\}/g;

/** A program by its description in rig.yaml. */
export const generic = (miner: GenericMiner): MinerProgram => ({
  args: (sheet) => [...miner.args.map((part) => fill(part, sheet)), ...sheet.extra],
  omits: () => "its description in rig.yaml has places for one pool",
  questions: [http(miner.path)],
  parse: ([text = ""]) => {
    const answer = parseJson(text);
    const count = (pointer: string | undefined) =>
      pointer === undefined ? undefined : read(answer, pointer, field.count);
    const run = {
      devices: [],
      ...present({
        hashrate: toRate(read(answer, miner.hashrate, field.rate), miner.hashrateUnit),
        accepted: count(miner.accepted),
        rejected: count(miner.rejected),
      }),
    };
    const { hashrate2, hashrate2Unit } = miner;
    const second = hashrate2 === undefined ? undefined : toRate(read(answer, hashrate2, field.rate), hashrate2Unit);
    const runs = [run, ...(second === undefined ? [] : [{ devices: [], hashrate: second }])];
    return { ...present({ uptime: toUptime(count(miner.uptimeS)) }), runs };
  },
});

const placesOf = (algorithm: string, { host, port, user, password }: MinerPool, of: "" | "2") => ({
  [`algorithm${of}`]: algorithm,
  [`pool${of}`]: toAddress({ host, port }),
  [`host${of}`]: host,
  [`port${of}`]: String(port),
  [`user${of}`]: user,
  [`password${of}`]: password,
});

function fill(part: string, { algorithm, pools: [pool], dual, apiPort }: MinerSheet): string {
  const places: Readonly<Record<string, string>> = {
    ...placesOf(algorithm, pool, ""),
    ...(dual === undefined ? {} : placesOf(dual.algorithm, dual.pool, "2")),
    apiPort: String(apiPort),
  };
  return part.replace(PLACE, (place, name: string) => {
    const value = places[name];
    if (value !== undefined) return value;
    throw new MiningError(`the miner's argument ${place} is not one that Rigshift fills in`, {
      code: "ERR_MINER_ARGUMENT",
      field: place,
      mend: `use ${Object.keys(places).join(", ")}`,
    });
  });
}

/** The value at `pointer`; undefined where it is null or absent, an error where it is something else. */
function read<Value>(answer: unknown, pointer: string, schema: z.ZodType<Value>): Value | undefined {
  let at: unknown = answer;
  for (const key of pointer.split("/").slice(1)) {
    const name = key.replaceAll("~1", "/").replaceAll("~0", "~");
    at = typeof at === "object" && at !== null && Object.hasOwn(at, name) ? Reflect.get(at, name) : undefined;
  }
  if (at === undefined || at === null) return undefined;
  const parsed = schema.safeParse(typeof at === "string" && at.trim() !== "" ? Number(at) : at);
  if (parsed.success) return parsed.data;
  throw badAnswer(pointer, "not a number of at least 0");
}
