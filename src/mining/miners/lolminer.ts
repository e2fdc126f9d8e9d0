import { z } from "zod";
import { field, parseJson, parseWith, present, toPciBus, toPower, toRate, toTemperature, toUptime } from "./answer.ts";
import { type DualSheet, http, type MinerPool, type MinerProgram, toAddress } from "./program.ts";
import type { MinerReading } from "./reading.ts";

const uptime = field.count.optional();

const current = z.looseObject({
  Software: field.text.optional(),
  Session: z.looseObject({ Uptime: uptime }).optional(),
  Workers: field.devices(
    z.looseObject({
      Index: field.count,
      PCIE_Address: field.text.optional(),
      Power: field.rate.optional(),
      Core_Temp: field.rate.optional(),
    }),
  ),
  Algorithms: z
    .array(
      z.looseObject({
        Algorithm: field.text,
        Performance_Factor: field.rate.positive(),
        Total_Performance: field.rate,
        Total_Accepted: field.count.optional(),
        Total_Rejected: field.count.optional(),
        Worker_Performance: field.devices(field.rate),
        Worker_Accepted: field.devices(field.count).optional(),
        Worker_Rejected: field.devices(field.count).optional(),
      }),
    )
    .max(4),
});

/** 0.6 to 1.3x: one algorithm, rates in `Performance_Unit`. */
const older = z.looseObject({
  Software: field.text.optional(),
  Mining: z.looseObject({ Algorithm: field.text }),
  Session: z.looseObject({
    Uptime: uptime,
    Performance_Summary: field.rate,
    Performance_Unit: z.string().max(16).default("sol/s"),
    Accepted: field.count,
    Submitted: field.count,
  }),
  GPUs: field.devices(
    z.looseObject({
      Index: field.count,
      Performance: field.rate,
      "Consumption (W)": field.rate.optional(),
      "Temp (deg C)": field.rate.optional(),
      "Temps (deg C)": field.rate.optional(),
      Session_Accepted: field.count,
      Session_Submitted: field.count,
      Session_HWErr: field.count.optional(),
      PCIE_Address: field.text.optional(),
    }),
  ),
});

/** 0.4 and before: `GPU0`, `GPU1`, … as keys, rates as text. */
const oldest = z.looseObject({ Software: field.text.optional(), Algorithm: field.text, "TotalSpeed(5s)": field.text });
const oldestGpu = z.looseObject({ "Speed(5s)": field.text });

const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** lolMiner, by its HTTP `/summary`, in the three layouts it has had. */
export const lolminer: MinerProgram = {
  args: ({ algorithm, pools, dual, apiHost, apiPort, pciAddress, extra }) => [
    ...["--algo", algorithm, ...stratumOf(pools[0])],
    ...pools.flatMap((pool) => ["--pool", toAddress(pool), ...loginOf(pool)]),
    ...(dual === undefined ? [] : dualOf(dual)),
    ...["--apihost", apiHost, "--apiport", String(apiPort), "--nocolor", "--watchdog", "off"],
    ...(pciAddress === undefined ? ["--devices", "0"] : ["--devicesbypcie", "--devices", toDecimal(pciAddress)]),
    ...extra,
  ],
  questions: [http("/summary")],
  parse: ([text = ""]) => {
    const answer = parseJson(text);
    if (has(answer, "Algorithms")) return parseCurrent(answer);
    return has(answer, "GPUs") ? parseOlder(answer) : parseOldest(answer);
  },
};

/** Only Ethash and its kin have two ways to talk. */
function stratumOf({ dialect }: MinerPool): readonly string[] {
  if (dialect === "ethereum-stratum") return ["--ethstratum", "ETHV1"];
  return dialect === "eth-proxy" ? ["--ethstratum", "ETHPROXY"] : [];
}

/** It counts buses in decimal, where the driver counts in hexadecimal. */
const toDecimal = (address: string): string =>
  address
    .split(":")
    .map((part) => Number.parseInt(part, 16))
    .join(":");

const loginOf = ({ user, password, tls }: MinerPool) => [
  "--user",
  user,
  "--pass",
  password,
  "--tls",
  tls ? "on" : "off",
];

const dualOf = ({ algorithm, pool }: DualSheet) => [
  ...["--dualmode", algorithm, "--dualpool", toAddress(pool)],
  ...["--dualuser", pool.user, "--dualpass", pool.password, "--dualtls", pool.tls ? "on" : "off"],
];

const has = (answer: unknown, key: string): boolean => typeof answer === "object" && answer !== null && key in answer;

function parseCurrent(answer: unknown): MinerReading {
  const got = parseWith(current, answer);
  const runs = got.Algorithms.map((run, order) => ({
    algorithm: run.Algorithm,
    ...present({
      hashrate: toRate(run.Total_Performance, run.Performance_Factor),
      accepted: run.Total_Accepted,
      rejected: run.Total_Rejected,
    }),
    devices: got.Workers.map((worker, at) => ({
      index: worker.Index,
      ...present({
        pciBus: toPciBus(worker.PCIE_Address, 10),
        hashrate: toRate(run.Worker_Performance[at], run.Performance_Factor),
        accepted: run.Worker_Accepted?.[at],
        rejected: run.Worker_Rejected?.[at],
        // A card draws its power once, however many coins it mines.
        power: order === 0 ? toPower(worker.Power) : undefined,
        temperatureC: order === 0 ? toTemperature(worker.Core_Temp) : undefined,
      }),
    })),
  }));
  return { ...present({ version: got.Software, uptime: toUptime(got.Session?.Uptime) }), runs };
}

function parseOlder(answer: unknown): MinerReading {
  const got = parseWith(older, answer);
  const { Session: session } = got;
  const factor = FACTORS[/^([kmgt]?)(?:h|sol|g)\/s$/i.exec(session.Performance_Unit)?.[1]?.toLowerCase() ?? ""] ?? 1;
  const devices = got.GPUs.map((gpu) => ({
    index: gpu.Index,
    accepted: gpu.Session_Accepted,
    rejected: Math.max(0, gpu.Session_Submitted - gpu.Session_Accepted),
    ...present({
      pciBus: toPciBus(gpu.PCIE_Address, 10),
      hashrate: toRate(gpu.Performance, factor),
      invalid: gpu.Session_HWErr,
      power: toPower(gpu["Consumption (W)"]),
      temperatureC: toTemperature(gpu["Temp (deg C)"] ?? gpu["Temps (deg C)"]),
    }),
  }));
  const run = {
    algorithm: got.Mining.Algorithm,
    accepted: session.Accepted,
    rejected: Math.max(0, session.Submitted - session.Accepted),
    devices,
    ...present({ hashrate: toRate(session.Performance_Summary, factor) }),
  };
  return { ...present({ version: got.Software, uptime: toUptime(session.Uptime) }), runs: [run] };
}

function parseOldest(answer: unknown): MinerReading {
  const got = parseWith(oldest, answer);
  const devices = Object.keys(got)
    .filter((key) => /^GPU\d{1,3}$/.test(key))
    .map((key) => {
      const gpu = parseWith(oldestGpu, got[key]);
      return { index: Number(key.slice(3)), ...present({ hashrate: toRate(toNumber(gpu["Speed(5s)"])) }) };
    });
  const total = toRate(toNumber(got["TotalSpeed(5s)"]));
  return {
    ...present({ version: got.Software }),
    runs: [{ algorithm: got.Algorithm, devices, ...present({ hashrate: total }) }],
  };
}

/** A rate not known yet is written as a space. */
function toNumber(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
