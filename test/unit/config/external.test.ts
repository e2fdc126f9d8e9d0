import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";

const parse = (...external: readonly unknown[]) =>
  parseConfig({ version: 1, external }, "rig.yaml", "/etc/rig").external;
const BUSY = { command: ["/bin/busy"] };
const WEB = { url: "https://api.example.org/{gpu}" };

describe("an external workload", () => {
  test("that comes and goes by itself needs no more than a way to ask whether it is used", () => {
    expect(parse({ name: "vast", busy: BUSY })).toEqual([
      {
        name: "vast",
        asSet: false,
        busy: {
          hook: { kind: "command", command: ["/bin/busy"], timeout: 5000 },
          every: 5000,
          maxAge: 60_000,
        },
        privateHosts: [],
        occupancy: 1,
        platformCut: 0,
        coolDown: 60_000,
        acquireTimeout: 120_000,
      },
    ]);
  });

  test("may be asked at an address, with secrets from files and from the environment", () => {
    const headers = {
      authorization: { file: "vast.key", prefix: "Bearer " },
      auth: { env: "CLORE_KEY" },
      accept: "application/json",
    };
    const [external] = parse({ name: "vast", busy: { ...WEB, headers, body: "{}", method: "POST", pointer: "/a" } });
    expect(external?.busy).toMatchObject({
      pointer: "/a",
      hook: {
        kind: "web",
        method: "POST",
        body: "{}",
        headers: {
          authorization: { prefix: "Bearer ", secret: { file: "/etc/rig/vast.key" } },
          auth: { prefix: "", secret: { env: "CLORE_KEY" } },
          accept: "application/json",
        },
      },
    });
  });

  test("may say what it pays, and what of that is left", () => {
    const hook = { command: ["/bin/hook"] };
    const terms = { usdPerHour: 0.5, occupancyPct: 60, platformCutPct: 25 };
    const [external] = parse({ name: "vast", start: hook, stop: hook, earnings: { ...hook, per: "day" }, ...terms });
    expect(external).toMatchObject({ rate: 0.5, occupancy: 0.6, platformCut: 0.25, earnings: { per: "day" } });
    expect(external?.start).toMatchObject({ timeout: 60_000 });
  });

  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ["nothing to ask or to start", { name: "a" }, /external\[0\]\.busy: got nothing, wanted how to tell/],
    [
      "a start without a stop",
      { name: "a", start: BUSY },
      /external\[0\]\.stop: got nothing, wanted start and stop together/,
    ],
    ["a program by a relative path", { name: "a", busy: { command: ["busy"] } }, /busy\.command: .*absolute path/],
    ["an empty command", { name: "a", busy: { command: [] } }, /busy\.command/],
    ["a command and an address", { name: "a", busy: { ...BUSY, ...WEB } }, /busy\.command: .*either command or url/],
    ["neither", { name: "a", busy: { pointer: "/a" } }, /busy\.command: .*either command or url/],
    ["a user in the address", { name: "a", busy: { url: "http://me:pw@host/" } }, /busy\.url: got "http:\/\/…@host\/"/],
    ["another scheme", { name: "a", busy: { url: "file:///etc/passwd" } }, /busy\.url/],
    [
      "an answer that is never fresh",
      { name: "a", busy: { ...BUSY, everyS: 60 } },
      /busy\.maxAgeS: .*longer than everyS/,
    ],
    ["a reserved name", { name: "guest", busy: BUSY }, /external\[0\]\.name: got "guest", wanted another name/],
    ["no GPU", { name: "a", busy: BUSY, gpus: [] }, /external\[0\]\.gpus: .*at least one GPU/],
    ["an index instead of a UUID", { name: "a", busy: BUSY, gpus: ["0"] }, /external\[0\]\.gpus\[0\]: got "0"/],
    ["a negative rate", { name: "a", busy: BUSY, usdPerHour: -1 }, /usdPerHour: got -1/],
    ["more of the time than there is", { name: "a", busy: BUSY, occupancyPct: 101 }, /occupancyPct: got 101/],
    ["an unknown key", { name: "a", busy: BUSY, starts: BUSY }, /external\[0\]\.starts: got an unknown key/],
  ];
  for (const [title, external, message] of wrong)
    test(`is refused with the place: ${title}`, () => {
      expect(() => parse(external)).toThrow(message);
    });

  test("is refused when two have one name", () => {
    expect(() => parse({ name: "a", busy: BUSY }, { name: "a", busy: BUSY })).toThrow(/a name that no other entry has/);
  });

  test("is refused when a secret stands in the file, which is not repeated", () => {
    const headers = { authorization: "Bearer hunter2" };
    expect(() => parse({ name: "a", busy: { ...WEB, headers } })).toThrow(
      /headers\.authorization: got a string, wanted/,
    );
    expect(() => parse({ name: "a", busy: { ...WEB, headers } })).not.toThrow(/hunter2/);
  });
});
