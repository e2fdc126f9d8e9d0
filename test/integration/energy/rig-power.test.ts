import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWallMeter } from "../../../src/energy/meters/open.ts";
import { RigPower } from "../../../src/energy/rig-power.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";
import { until } from "../../support/until.ts";

let server: Server;
let answer: (response: ServerResponse) => void;
beforeEach(async () => {
  server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const says = (body: string) => (response: ServerResponse) => void response.end(body);
const shows = (power: number, kwh: number) => says(JSON.stringify({ power, kwh }));

test("a meter that misbehaves in every way is named, labelled and read on", async () => {
  const clock = new ManualClock(T0);
  const ledger = openMemoryLedger(clock);
  const told: string[] = [];
  const logger = createLogger("warn", (line) => told.push(line));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const meter = openWallMeter({ kind: "http-json", url, power: "/power", totalKwh: "/kwh" }, millis(200));
  const prior = { hostPower: watts(60), factor: 1.1 };
  const rig = new RigPower({ ledger, clock, logger, prior, gpus: 1, meter });
  const stop = new AbortController();
  answer = shows(500, 100);
  const done = rig.run(stop.signal);
  /** Waits for the look under way, then lets the next one see `next`. */
  const look = async (next: typeof answer) => {
    await until(() => clock.waiting === 1);
    answer = next;
    await clock.advance(10_000);
    await until(() => clock.waiting === 1);
  };
  const bad = [
    says("<!doctype html><title>Log in</title>"),
    says('{"power":NaN,"kwh":1}'),
    () => {},
    says('{"power":-400}'),
  ];
  await look(shows(500, 100.001));
  for (const one of bad) {
    await look(one);
    await look(shows(500, 100.01));
  }
  // Reset while nothing answered; then a slip of the power, and one of the total.
  await look(bad[0] ?? (() => {}));
  await look(shows(500, 0.5));
  await look(shows(90_000, 0.5));
  await look(shows(500, 2e6));
  await look(shows(500, 0.6));
  stop.abort();
  await done;

  const [slot, ...more] = ledger.rigEnergy.slots(unixMs(0), unixMs(T0 * 2));
  expect(more).toEqual([]);
  // Two stretches between good looks.
  expect(slot).toEqual({ slotStart: T0, channel: "wall", energy: 20 * 500_000, covered: 20_000, resets: 2, jumps: 2 });
  const reasons = told.map((line) => /ERR_\w+|total fell|more than a rig/.exec(line)?.[0]);
  expect(reasons).toEqual([
    "ERR_WALL_METER_ANSWER",
    "ERR_WALL_METER_ANSWER",
    "ERR_WALL_METER_UNREACHABLE",
    "ERR_WALL_METER_ANSWER",
    "ERR_WALL_METER_ANSWER",
    "total fell",
    "more than a rig",
    "more than a rig",
    "total fell",
  ]);
  expect(rig.wall()).toEqual(prior);
});
