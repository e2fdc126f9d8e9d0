import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fetchJson, METER_TIMEOUT } from "../../../src/energy/meters/fetch-json.ts";
import { openWallMeter, type WallMeterConfig } from "../../../src/energy/meters/open.ts";
import { type Millis, millis, seconds } from "../../../src/units/time.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let base: string;
let asked: string[];
let answer: Answer;
beforeEach(async () => {
  asked = [];
  answer = json({});
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json =
  (value: unknown, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(value));
  };
/** Answers each path with its own value, 404 else. */
const paths =
  (byPath: Readonly<Record<string, unknown>>): Answer =>
  (request, response) => {
    const found = byPath[request.url ?? ""];
    json(found ?? { code: 404, message: "No handler" }, found === undefined ? 404 : 200)(request, response);
  };
const signal = () => new AbortController().signal;
const read = (config: WallMeterConfig, timeout?: Millis) => openWallMeter(config, timeout).read(signal());
const WH = 3_600_000;
const code = (wanted: string) =>
  expect.objectContaining({ facts: expect.objectContaining({ code: wanted, retryable: true }) });
const unreachable = code("ERR_WALL_METER_UNREACHABLE");
const wrongAnswer = code("ERR_WALL_METER_ANSWER");

describe("a Shelly of the first generation", () => {
  test("adds up its channels, in watt-hours", async () => {
    answer = json({
      emeters: [
        { power: 100.5, total: 12_345.6, total_returned: 345.6 },
        { power: 50, total: 1000 },
      ],
    });
    expect(await read({ kind: "shelly-gen1", url: base })).toEqual({ power: 150.5, total: 13_000 * 3_600_000 });
    expect(asked).toEqual(["/status"]);
  });

  test("counts watt-minutes where it is a plug", async () => {
    answer = json({ meters: [{ power: 420, is_valid: true, total: 600 }] });
    expect(await read({ kind: "shelly-gen1", url: base })).toEqual({ power: 420, total: 10 * 3_600_000 });
  });

  test("with three phases is their sum, whatever else it can switch or measure", async () => {
    const phase = (power: number, total: number) => ({ power, pf: 0.9, current: 1, is_valid: true, total });
    const emeters = [phase(410.2, 1000), phase(395.8, 2000), phase(-0.4, 3)];
    answer = json({ relays: [{ ison: true }], emeters, meters: [{ power: 1, total: 1 }], total_power: 805.6 });
    expect(await read({ kind: "shelly-gen1", url: base })).toEqual({ power: 806, total: 3003 * WH });
  });

  test.each([
    ["says that a phase measures nothing", { emeters: [{ power: 400 }, { power: 0, is_valid: false }] }],
    ["wears a clamp the wrong way round", { emeters: [{ power: 400 }, { power: -380 }] }],
  ])("that %s is not believed for the rest", async (_what, value) => {
    answer = json(value);
    await expect(read({ kind: "shelly-gen1", url: base })).rejects.toEqual(wrongAnswer);
  });
});

describe("a Shelly of a later generation", () => {
  test("has what was fed back taken off its total", async () => {
    answer = paths({
      "/rpc/Switch.GetStatus?id=2": { apower: 512.3, aenergy: { total: 2000 }, ret_aenergy: { total: 500 } },
    });
    expect(await read({ kind: "shelly-gen2", url: base, channel: 2 })).toEqual({
      power: 512.3,
      total: 1500 * 3_600_000,
    });
  });

  test("that only meters is found by the method it knows, which is then remembered", async () => {
    answer = paths({
      "/rpc/EM1.GetStatus?id=0": { act_power: 333 },
      "/rpc/EM1Data.GetStatus?id=0": { total_act_energy: 77, total_act_ret_energy: 5 },
    });
    const meter = openWallMeter({ kind: "shelly-gen2", url: base, channel: 0 });
    expect(await meter.read(signal())).toEqual({ power: 333, total: 77 * 3_600_000 });
    asked = [];
    await meter.read(signal());
    expect(asked).toEqual(["/rpc/EM1.GetStatus?id=0", "/rpc/EM1Data.GetStatus?id=0"]);
  });

  test("with three phases tells their power and total in two answers", async () => {
    answer = paths({
      "/rpc/EM.GetStatus?id=0": {
        id: 0,
        a_act_power: 800,
        b_act_power: 790.5,
        c_act_power: 0,
        total_act_power: 1590.5,
      },
      "/rpc/EMData.GetStatus?id=0": { id: 0, a_total_act_energy: 1, total_act: 4321.09, total_act_ret: 0.5 },
    });
    const meter = openWallMeter({ kind: "shelly-gen2", url: base, channel: 0 });
    expect(await meter.read(signal())).toEqual({ power: 1590.5, total: Math.round(4321.09 * WH) });
    asked = [];
    await meter.read(signal());
    expect(asked).toEqual(["/rpc/EM.GetStatus?id=0", "/rpc/EMData.GetStatus?id=0"]);
  });

  test("that keeps no total still tells its power", async () => {
    answer = paths({ "/rpc/EM.GetStatus?id=0": { total_act_power: 900 } });
    expect(await read({ kind: "shelly-gen2", url: base, channel: 0 })).toEqual({ power: 900 });
  });

  test("that was exchanged for another model is found anew", async () => {
    answer = paths({ "/rpc/Switch.GetStatus?id=0": { apower: 5 } });
    const meter = openWallMeter({ kind: "shelly-gen2", url: base, channel: 0 });
    await meter.read(signal());
    answer = paths({ "/rpc/EM.GetStatus?id=0": { total_act_power: 900 } });
    await expect(meter.read(signal())).rejects.toEqual(wrongAnswer);
    expect(await meter.read(signal())).toEqual({ power: 900 });
  });

  test("has one deadline for all its questions, not one for each", async () => {
    answer = (request, response) => {
      if (!request.url?.includes("/EM.")) setTimeout(() => json({}, 404)(request, response), 80);
    };
    const start = performance.now();
    await expect(read({ kind: "shelly-gen2", url: base, channel: 0 }, millis(200))).rejects.toEqual(unreachable);
    expect(performance.now() - start).toBeLessThan(4000);
    expect(asked.length).toBeLessThan(4);
  });

  test("that hangs is asked no second question", async () => {
    answer = () => {};
    await expect(read({ kind: "shelly-gen2", url: base, channel: 0 }, millis(50))).rejects.toEqual(unreachable);
    expect(asked).toEqual(["/rpc/Switch.GetStatus?id=0"]);
  });

  test("that answers none of them says what the first one got", async () => {
    answer = paths({});
    await expect(read({ kind: "shelly-gen2", url: base, channel: 0 })).rejects.toEqual(wrongAnswer);
  });
});

describe("a plug with Tasmota", () => {
  test("tells kilowatt-hours", async () => {
    answer = json({ StatusSNS: { Time: "2026-01-01T00:00:00", ENERGY: { Total: 1.5, Power: 240, Voltage: 230 } } });
    expect(await read({ kind: "tasmota", url: base })).toEqual({ power: 240, total: 1500 * 3_600_000 });
    expect(asked).toEqual(["/cm?cmnd=Status%208"]);
  });

  test("of several phases is added up", async () => {
    answer = json({ StatusSNS: { ENERGY: { Total: [1, 2], Power: [100, 50] } } });
    expect(await read({ kind: "tasmota", url: base })).toEqual({ power: 150, total: 3000 * 3_600_000 });
  });
});

describe("any meter that speaks JSON", () => {
  test("is read where the operator says, numbers as text included", async () => {
    answer = json({ "a/b": { power: " 75.5 " }, totals: [{ kwh: 2 }] });
    const config = {
      kind: "http-json",
      url: `${base}state?x=1`,
      power: "/a~1b/power",
      totalKwh: "/totals/0/kwh",
    } as const;
    expect(await read(config)).toEqual({ power: 75.5, total: 2000 * 3_600_000 });
    expect(asked).toEqual(["/state?x=1"]);
  });

  test("may have no total", async () => {
    answer = json({ w: 5 });
    expect(await read({ kind: "http-json", url: base, power: "/w" })).toEqual({ power: 5 });
  });

  test("whose zero lies a little low draws nothing", async () => {
    answer = json(-0.4);
    expect(await read({ kind: "http-json", url: base, power: "" })).toEqual({ power: 0 });
  });
});

describe("a hostile or broken meter", () => {
  const anything = () => read({ kind: "http-json", url: base, power: "/power", totalKwh: "/total" });
  const raw =
    (body: string | Buffer): Answer =>
    (_request, response) =>
      void response.end(body);

  test.each<[string, Answer]>([
    ["HTML", raw("<!doctype html><title>Log in</title>")],
    ["nothing at all", raw("")],
    ["half an answer", raw('{"power":')],
    ["bytes that are no text", raw(Buffer.from([0xff, 0xfe, 0x00]))],
    ["an error", json({ power: 5 }, 500)],
    ["megabytes", raw(`"${"x".repeat(200_000)}"`)],
    ["no power", json({ volts: 230 })],
    ["power as a list", json({ power: [1] })],
    ["power as words", json({ power: "much" })],
    ["an impossible power", json({ power: 1e9 })],
    ["a power below zero", json({ power: -200 })],
    ["NaN", raw('{"power":NaN}')],
    ["NaN as text", json({ power: "NaN" })],
    ["a key that every object has", json({ __proto__: null })],
    ["null", json(null)],
  ])("that answers %s is an answer that cannot be used", async (_what, bad) => {
    answer = bad;
    await expect(anything()).rejects.toEqual(wrongAnswer);
  });

  test.each<[string, unknown]>([
    ["falls below zero", -5],
    ["is too large to be whole", 1e300],
    ["is no number", {}],
    ["is absent", undefined],
  ])("whose total %s has no total, and keeps its power", async (_what, total) => {
    answer = json({ power: 9, total });
    expect(await anything()).toEqual({ power: 9 });
  });

  test.each<[string, WallMeterConfig["kind"]]>([
    ["first Shelly", "shelly-gen1"],
    ["second Shelly", "shelly-gen2"],
    ["Tasmota", "tasmota"],
  ])("of the wrong kind is not mistaken for a %s", async (_what, kind) => {
    for (const value of [
      {},
      [],
      "text",
      { meters: "no", emeters: {} },
      { StatusSNS: 1 },
      { apower: "1" },
      { meters: [] },
    ]) {
      answer = json(value);
      await expect(read({ kind, url: base, channel: 0 } as WallMeterConfig)).rejects.toEqual(wrongAnswer);
    }
  });

  test("that sends elsewhere is not followed", async () => {
    answer = (_request, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    await expect(anything()).rejects.toEqual(unreachable);
  });

  test("that hangs is given up", async () => {
    answer = () => {};
    await expect(fetchJson(new URL(base), signal(), millis(50))).rejects.toEqual(unreachable);
    expect(METER_TIMEOUT).toBeLessThan(10_000);
  });

  test("that drips its answer is given up as well", async () => {
    answer = (_request, response) => void response.write('{"power":');
    await expect(fetchJson(new URL(base), signal(), millis(50))).rejects.toEqual(unreachable);
  });

  test("that is not there is unreachable", async () => {
    server.close();
    await expect(anything()).rejects.toEqual(unreachable);
  });

  test("is no fault when the agent stops while it waits", async () => {
    const stop = new AbortController();
    answer = () => stop.abort();
    await expect(fetchJson(new URL(base), stop.signal, seconds(5))).rejects.toMatchObject({ name: "AbortError" });
  });
});
