import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { Work } from "../../../src/ledger/work.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import type { CoinQuote } from "../../../src/market/file.ts";
import { DEFAULT_PRICE_RULE } from "../../../src/policy/price/rules.ts";
import { Cooldown } from "../../../src/rig/cooldown.ts";
import { ObservedDemand } from "../../../src/rig/demand.ts";
import type { FlightSheet } from "../../../src/rig/flight-sheets.ts";
import type { LoopParts } from "../../../src/rig/loop-parts.ts";
import { Outlook } from "../../../src/rig/outlook.ts";
import { RateBook } from "../../../src/rig/rates.ts";
import type { TripTerms } from "../../../src/rig/switch-book.ts";
import { watts } from "../../../src/units/energy.ts";
import { earnedOver, type UsdPerHour, usdPerKwh, usdPerTerahash } from "../../../src/units/money.ts";
import { hours, millis, minutes, seconds, type UnixMs } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";
import { COIN } from "./bench-facts.ts";

const ROW = minutes(1);
const ONE_WAY = seconds(120);
const MEGAHASHES = { a: 60, b: 45 } as const;
const WATTS = { a: 220, b: 130 } as const;
const AT_REST = 12;
const SHEETS = ["a", "b"] as const;

/** USD per terahash of both coins and USD per kWh in one minute. */
interface Row {
  readonly a: number;
  readonly b: number;
  readonly power: number;
}

let clock: ManualClock;
let ledger: Ledger;
let now: Row;
let until: UnixMs | undefined;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  until = undefined;
});
afterEach(() => ledger.close());

/** The rig's own outlook over two flight sheets whose prices are those of `now`; nothing but the hardware is made up. */
function live(): Outlook {
  const rates = new RateBook(GPU_A, { hashing: SHEETS, serving: "tiny", resting: "rest" }, { ledger, clock });
  for (const name of SHEETS)
    rates.take(
      "hashing",
      { rate: MEGAHASHES[name] * 1e6, power: watts(WATTS[name]), samples: 9, basis: "benched" },
      name,
    );
  rates.take("resting", { rate: AT_REST, power: watts(AT_REST), samples: 9, basis: "benched" });
  expect(rates.hashrate("a")?.rate).toBe(hashrate(60e6));
  const sheetOf = (name: "a" | "b"): Partial<FlightSheet> => ({
    name,
    coin: {
      ...COIN,
      coin: name,
      get value() {
        return usdPerTerahash(now[name]);
      },
      get until() {
        return until;
      },
    } as CoinQuote,
    poolAway: () => undefined,
  });
  const trip = (best: UsdPerHour) => {
    const duration = millis(2 * ONE_WAY);
    return { duration, promised: ONE_WAY, cost: earnedOver(best, duration) };
  };
  const parts = {
    clock,
    rates,
    logger: silentLogger,
    info: { uuid: GPU_A, index: 0, name: "a card" },
    ledger,
    mining: { all: SHEETS.map(sheetOf), of: () => undefined },
    demand: new ObservedDemand(clock.now()),
    queue: { facts: () => ({ waiting: 0, active: 0, worth: 0 }), waitingTokens: 0 },
    switches: { roundTrip: trip, roundTripOf: (_one: Work, _other: Work, { best }: TripTerms) => trip(best) },
    ground: { residence: { rung: "freeze" } },
    cooldown: new Cooldown(),
    ordered: () => "auto",
    rules: () => ({ lending: false }),
    trial: {},
    tenancies: { valued: () => [], coolDownAfter: () => millis(0) },
    prices: {
      get electricity() {
        return usdPerKwh(now.power);
      },
      powerFor: () => ({ price: usdPerKwh(now.power), ...(until === undefined ? {} : { until }) }),
      atWall: (drawn: number) => watts(drawn),
    },
  };
  return new Outlook(parts as unknown as LoopParts);
}

/** Which flight sheet owns the GPU in each minute, by the rule of the running agent. */
async function ownersLive(rows: readonly Row[]): Promise<readonly string[]> {
  [now] = rows as readonly [Row];
  const outlook = live();
  const owners: string[] = [];
  for (const row of rows) {
    now = row;
    outlook.look();
    owners.push(outlook.owner.name ?? outlook.owner.workload);
    await clock.advance(ROW);
  }
  return owners;
}

/** The same by the rule that `rigshift replay` calls its default. */
function ownersReplayed(rows: readonly Row[]): readonly string[] {
  const columns = [...SHEETS, "none"];
  const oneWay = (index: number) => (index % 4 === 0 ? 0 : ONE_WAY / 1000);
  const costs = { count: 3, seconds: Float64Array.from({ length: 9 }, (_, index) => oneWay(index)) };
  const choose = DEFAULT_PRICE_RULE.start({ costs, minDwell: 0 });
  let current = 0;
  return rows.map((row, index) => {
    const nets = SHEETS.map((name) => MEGAHASHES[name] * 3.6e-3 * row[name] - (WATTS[name] / 1000) * row.power);
    const rates = Float64Array.from([...nets, (-AT_REST / 1000) * row.power]);
    const at = (index * ROW) / 1000;
    current = choose({ at, length: ROW / 1000, rates, current, stay: at, mayMove: true });
    return columns[current] ?? "";
  });
}

/** Minutes in which the owner changes, and to whom. */
const switches = (owners: readonly string[]) =>
  owners.flatMap((owner, minute) => (minute > 0 && owner !== owners[minute - 1] ? [{ minute, owner }] : []));

/** The same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const MINUTES = 36 * 60;
const traces: readonly [string, (seed: number) => readonly Row[]][] = [
  [
    "prices that are published by the hour",
    (seed) => {
      const random = numbers(seed);
      const hourly = Array.from({ length: 36 }, () => ({ a: 3 + random(), b: 4 + random(), power: 0.15 }));
      return Array.from({ length: MINUTES }, (_, minute) => hourly[Math.floor(minute / 60)] ?? hourly[0]) as Row[];
    },
  ],
  [
    "prices that waver every minute",
    (seed) => {
      const random = numbers(seed);
      const daily = (minute: number) => 0.6 * Math.sin(minute / 170);
      return Array.from({ length: MINUTES }, (_, minute) => ({
        a: 3.5 + daily(minute) + 0.4 * (random() - 0.5),
        b: 4.5 - daily(minute) + 0.4 * (random() - 0.5),
        power: 0.15,
      }));
    },
  ],
  [
    "electricity that is dear by the hour, which the hungrier card feels",
    (seed) => {
      const random = numbers(seed);
      const hourly = Array.from({ length: 36 }, () => 0.1 + 0.6 * random());
      return Array.from({ length: MINUTES }, (_, minute) => ({
        a: 1.2,
        b: 1.378,
        power: hourly[Math.floor(minute / 60)] ?? 0.1,
      }));
    },
  ],
];

describe("the running agent and the replay", () => {
  for (const [title, trace] of traces)
    for (const seed of [1, 2, 3])
      test(`choose the same at the same minute: ${title} (${seed})`, async () => {
        const rows = trace(seed);
        const replayed = switches(ownersReplayed(rows));
        const ran = switches(await ownersLive(rows));
        expect(ran.map(({ owner }) => owner)).toEqual(replayed.map(({ owner }) => owner));
        expect(replayed.length).toBeGreaterThan(2);
        // The replay is told how long a row will last; the agent knows only how long the one before has lasted.
        const apart = ran.map(({ minute }, index) => Math.abs(minute - (replayed[index]?.minute ?? 0)));
        expect(Math.max(...apart)).toBeLessThanOrEqual(1);
      });
});

describe("a price that promises how long it stands", () => {
  const even = { a: 3.6, b: 4.35, power: 0.1 };
  /** A lead of 30 % from now on. */
  const led = { ...even, b: 6 };
  async function minutesUntilItMoves(length: number | undefined): Promise<number> {
    now = even;
    const outlook = live();
    for (let minute = 0; minute < 30; minute++) {
      outlook.look();
      await clock.advance(ROW);
    }
    now = led;
    until = length === undefined ? undefined : ((clock.now() + length) as UnixMs);
    for (let minute = 0; ; minute++) {
      outlook.look();
      if (outlook.owner.name === "b") return minute;
      await clock.advance(ROW);
    }
  }

  test("counts as gained at once where its lead pays the switch, instead of being waited for", async () => {
    expect(await minutesUntilItMoves(hours(1))).toBe(0);
    clock = new ManualClock(T0);
    expect(await minutesUntilItMoves(undefined)).toBeGreaterThan(3);
  });
});
