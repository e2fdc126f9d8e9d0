import { badAnswer, parseBars, present, toPower, toRate, toTemperature, toUptime } from "./answer.ts";
import { type MinerProgram, toUrl } from "./program.ts";
import type { MinerDevice, MinerReading } from "./reading.ts";

type Bars = ReadonlyMap<string, string>;

/** ccminer and its kin (Z-Enemy, Zjazz, Nevermore, cpuminer): text over TCP, one record per bar. */
export const ccminer: MinerProgram = {
  args: ({ algorithm, pools, apiHost, apiPort, extra }) => [
    ...["-a", algorithm],
    ...pools.flatMap((pool) => ["-o", toUrl(pool, {}, "tls"), "-u", pool.user, "-p", pool.password]),
    ...["-b", `${apiHost}:${apiPort}`, "--no-color", "-d", "0"],
    ...extra,
  ],
  questions: [
    { kind: "tcp", text: "summary" },
    { kind: "tcp", text: "threads" },
  ],
  parse: ([summary = "", threads = ""]) => {
    const reading = parseCcminerSummary(summary);
    const records = threads.trim() === "" ? [] : parseBars(threads);
    const devices = records.filter((bars) => bars.has("GPU") || bars.has("CPU")).map(toDevice);
    return { ...reading, runs: reading.runs.map((run) => ({ ...run, devices })) };
  },
};

/** The first answer alone: everything but the devices. */
export function parseCcminerSummary(text: string): MinerReading {
  const [bars] = parseBars(text);
  if (!bars?.has("ALGO")) throw badAnswer("ALGO", "missing");
  if (!bars.has("KHS")) throw badAnswer("KHS", "missing");
  const run = {
    algorithm: bars.get("ALGO") ?? "",
    devices: [],
    ...present({
      hashrate: toRate(numberOf(bars, "KHS"), 1000),
      accepted: numberOf(bars, "ACC"),
      rejected: numberOf(bars, "REJ"),
    }),
  };
  const version = [bars.get("NAME"), bars.get("VER")].filter(Boolean).join(" ") || undefined;
  return { ...present({ version, uptime: toUptime(numberOf(bars, "UPTIME")) }), runs: [run] };
}

function toDevice(bars: Bars): MinerDevice {
  const milliwatts = numberOf(bars, "POWER");
  return {
    index: numberOf(bars, "GPU") ?? numberOf(bars, "CPU") ?? 0,
    ...present({
      pciBus: numberOf(bars, "BUS"),
      hashrate: toRate(numberOf(bars, "KHS") ?? numberOf(bars, "kH/s"), 1000),
      accepted: numberOf(bars, "ACC"),
      rejected: numberOf(bars, "REJ"),
      invalid: numberOf(bars, "HWF"),
      power: toPower(milliwatts === undefined ? undefined : milliwatts / 1000),
      temperatureC: toTemperature(numberOf(bars, "TEMP")),
    }),
  };
}

/** Undefined where the record lacks the key; throws where it holds no number. */
function numberOf(bars: Bars, key: string): number | undefined {
  const text = bars.get(key);
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw badAnswer(key, "no number of at least 0");
}
