import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";

const parse = (power: unknown) => parseConfig({ version: 1, power }, "rig.yaml", "/rig").power;
const refused = (power: unknown) => {
  try {
    parse(power);
    return "accepted";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describe("the meter at the plug", () => {
  test("is absent unless it is named", () => {
    expect(parse({}).wall).toEqual({ base: 0, efficiency: 0.9 });
    expect(parse({}).cards).toEqual([]);
  });

  test.each([
    { kind: "shelly-gen1", url: "http://192.168.1.20" },
    { kind: "tasmota", url: "http://127.0.0.1:8080/" },
    { kind: "http-json", url: "https://meter.lan/x?y=1", power: "/a/b~1c", totalKwh: "/total" },
    { kind: "http-json", url: "http://[fd00::1]/", power: "" },
  ])("may be a %j", (meter) => {
    expect(parse({ wall: { meter } }).wall.meter).toEqual(meter);
  });

  test("is a Shelly's first channel unless another is named", () => {
    const meter = { kind: "shelly-gen2", url: "http://shelly.lan" };
    expect(parse({ wall: { meter } }).wall.meter).toEqual({ ...meter, channel: 0 });
  });

  test.each<[unknown, string]>([
    [{ kind: "fritz", url: "http://a" }, "kind: shelly-gen1, shelly-gen2, tasmota or http-json"],
    [{ kind: "tasmota" }, "power.wall.meter.url"],
    [{ kind: "tasmota", url: "ftp://a" }, "power.wall.meter.url"],
    [{ kind: "tasmota", url: "http://user:secret@a/" }, "power.wall.meter.url"],
    [{ kind: "tasmota", url: "http://a:99999/" }, "power.wall.meter.url"],
    [{ kind: "tasmota", url: "http://a", channel: 1 }, "power.wall.meter.channel: got an unknown key"],
    [{ kind: "http-json", url: "http://a" }, "power.wall.meter.power"],
    [{ kind: "http-json", url: "http://a", power: "watts" }, "JSON pointer"],
    [{ kind: "shelly-gen2", url: "http://a", channel: -1 }, "power.wall.meter.channel"],
    ["http://a", "power.wall.meter"],
  ])("is refused as %j", (meter, message) => {
    expect(refused({ wall: { meter } })).toContain(message);
  });
});

describe("a card that was held against a trusted meter", () => {
  test("has its gain and what is left of its error", () => {
    expect(parse({ cards: [{ gpu: "GPU-1" }, { gpu: "GPU-2", gain: 1.08, errorPct: 2 }] }).cards).toEqual([
      { gpu: "GPU-1", gain: 1, errorPct: 1.5 },
      { gpu: "GPU-2", gain: 1.08, errorPct: 2 },
    ]);
  });

  test.each<[unknown, string]>([
    [[{}], "power.cards[0].gpu"],
    [[{ gpu: "0" }], "rigshift gpus"],
    [[{ gpu: "MIG-1" }], "power.cards[0].gpu"],
    [[{ gpu: "GPU-1", gain: 3 }], "power.cards[0].gain"],
    [[{ gpu: "GPU-1", errorPct: 0 }], "power.cards[0].errorPct"],
  ])("is refused as %j", (cards, message) => {
    expect(refused({ cards })).toContain(message);
  });
});

describe("a profile for one flight sheet", () => {
  const pools = [{ url: "devpool" }];
  const sheets = ["alpha", "beta"].map((name) => ({ name, coin: `${name}coin`, algorithm: "sha256d", pools }));
  const parsed = (profile: unknown, mining: unknown = { sheets }) =>
    parseConfig({ version: 1, mining, power: { profiles: [profile] } }, "rig.yaml", "/rig").power.profiles[0];

  test("names it, or the coin where there is one sheet only", () => {
    const profile = { role: "hashing", sheet: "beta", powerLimitW: 200 };
    expect(parsed(profile)).toMatchObject({ sheet: "beta", powerLimit: 200 });
    const plain = { coin: "etc", algorithm: "sha256d", pools };
    expect(parsed({ ...profile, sheet: "etc" }, plain)).toMatchObject({ sheet: "etc" });
  });

  test.each([
    [
      { role: "hashing", sheet: "gamma" },
      'power.profiles[0].sheet: got "gamma", wanted one of the flight sheets: alpha, beta',
    ],
    [{ role: "serving", sheet: "alpha" }, 'power.profiles[0].role: got "serving", wanted hashing'],
    [{ role: "hashing", sheet: "Beta!" }, "power.profiles[0].sheet"],
  ])("is refused as %j", (profile, message) => {
    expect(() => parsed(profile)).toThrow(message);
  });
});
