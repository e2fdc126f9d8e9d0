import { z } from "zod";
import { minutes } from "../../units/time.ts";
import { badAnswer, field, parseJson, parseWith, present, toRate, toTemperature } from "./answer.ts";
import { type MinerProgram, toUrl } from "./program.ts";
import type { MinerRun } from "./reading.ts";

const answer = z.looseObject({ result: z.array(field.text).min(7).max(32) });

const VERSION = 0;
const UPTIME = 1;
const TOTALS = [2, 4] as const;
const RATES = [3, 5] as const;
const TEMPERATURES = 6;

const WORDS = { "ethereum-stratum": "stratum2", "eth-proxy": "stratum1" } as const;

/** The API of Claymore's miners as Phoenix, TT-Miner and ethminer still speak it: a list of text. */
export const claymore: MinerProgram = {
  args: ({ algorithm, pools, apiHost, apiPort, extra }) => [
    ...["-a", algorithm],
    ...pools.flatMap((pool) => ["-P", toUrl(pool, WORDS).replace("://", `://${loginOf(pool)}@`)]),
    ...["--api-bind", `${apiHost}:-${apiPort}`, "-nocolor", "-d", "0"],
    ...extra,
  ],
  questions: [{ kind: "tcp", text: '{"id":0,"jsonrpc":"2.0","method":"miner_getstat1"}' }],
  parse: ([text = ""]) => {
    const { result } = parseWith(answer, parseJson(text));
    const at = (index: number): string => result[index] ?? "";
    // Ethash rates are in kH/s; Claymore's own miners of slower algorithms count hashes and say so in their name.
    const factor = / - (XMR|ZEC)$/.test(at(VERSION)) ? 1 : 1000;
    const temperatures = listOf(at(TEMPERATURES), "temperatures");
    const runs = RATES.map((index, order) =>
      toRun({ totals: at(TOTALS[order] ?? 2), rates: at(index), temperatures, factor, order }),
    );
    const uptime = minutes(listOf(at(UPTIME), "uptime")[0] ?? 0);
    const hasSecond = (runs[1]?.devices ?? []).some((device) => (device.hashrate ?? 0) > 0);
    return { version: at(VERSION), uptime, runs: hasSecond ? runs : runs.slice(0, 1) };
  },
};

const loginOf = ({ user, password }: { readonly user: string; readonly password: string }): string =>
  `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;

interface RunText {
  readonly totals: string;
  readonly rates: string;
  readonly temperatures: readonly (number | undefined)[];
  readonly factor: number;
  readonly order: number;
}

function toRun({ totals, rates, temperatures, factor, order }: RunText): MinerRun {
  const [total, accepted, rejected] = listOf(totals, "totals");
  const devices = listOf(rates, "rates").map((rate, index) => ({
    index,
    ...present({
      hashrate: toRate(rate, factor),
      temperatureC: order === 0 ? toTemperature(temperatures[2 * index]) : undefined,
    }),
  }));
  return { ...present({ hashrate: toRate(total, factor), accepted, rejected }), devices };
}

/** Numbers between semicolons; "off" is none. */
const listOf = (text: string, name: string): (number | undefined)[] =>
  text.split(";").map((part) => {
    if (part === "off" || part === "") return undefined;
    const value = Number(part);
    if (Number.isFinite(value) && value >= 0) return value;
    throw badAnswer(name, "no numbers between semicolons");
  });
