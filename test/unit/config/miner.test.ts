import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/config/errors.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { MINER_NAMES } from "../../../src/config/mining-terms.ts";
import { seconds } from "../../../src/units/time.ts";

const pools = [{ url: "stratum+tcp://pool.example.org:3333" }];
const parse = (fields: object) =>
  parseConfig({ version: 1, mining: { pools, ...fields } }, "rig.yaml", "/").mining?.sheets[0];
const generic = { args: ["-o", "{pool}"], path: "/stats", hashrate: "/rate" };

describe("mining.miner", () => {
  test("is Rigshift's own when absent, and when named", () => {
    expect(parse({})?.miner).toBeUndefined();
    expect(parse({ miner: { program: "reference" } })?.miner).toBeUndefined();
  });

  test.each(MINER_NAMES)("takes %s with a file, the algorithm's usual name and a minute to start", (program) => {
    expect(parse({ algorithm: "kawpow", miner: { program, file: "/opt/m" } })?.miner).toEqual({
      program,
      file: "/opt/m",
      algorithm: "kawpow",
      args: [],
      startTimeout: seconds(60),
    });
  });

  test("takes an image of a program instead of its file", () => {
    const image = `sha256:${"0".repeat(64)}`;
    const workloads = { docker: { images: [image] } };
    const mining = { pools, image, miner: { program: "t-rex" } };
    const config = parseConfig({ version: 1, workloads, mining }, "rig.yaml", "/");
    expect(config.mining?.sheets[0]).toMatchObject({ image, miner: { program: "t-rex", startTimeout: seconds(60) } });
  });

  test("takes the program's own name of the algorithm and more arguments", () => {
    const miner = {
      program: "lolminer",
      file: "/opt/l",
      algorithm: "ETCHASH",
      args: ["--mode", "a"],
      startTimeoutS: 9,
    };
    expect(parse({ algorithm: "etchash", miner })?.miner).toMatchObject({
      algorithm: "ETCHASH",
      args: ["--mode", "a"],
      startTimeout: seconds(9),
    });
  });

  test("takes a program that is not known, by its description", () => {
    expect(parse({ miner: { program: "generic", file: "/opt/x", generic } })?.miner).toMatchObject({
      program: "generic",
      generic: { ...generic, hashrateUnit: 1 },
    });
  });

  test.each([
    [
      "a program that is not known",
      { program: "phoenix", file: "/x" },
      'mining.miner.program: got "phoenix", wanted one of reference, t-rex',
    ],
    [
      "a program without its file",
      { program: "rigel" },
      "mining.miner.file: got nothing, wanted either the absolute path of the program",
    ],
    ["a relative file", { program: "rigel", file: "rigel" }, 'mining.miner.file: got "rigel", wanted an absolute path'],
    ["a file for Rigshift's own", { program: "reference", file: "/x" }, 'mining.miner.file: got "/x", wanted no file'],
    [
      "generic without its description",
      { program: "generic", file: "/x" },
      "mining.miner.generic: got nothing, wanted its arguments",
    ],
    [
      "a description of a known program",
      { program: "rigel", file: "/x", generic },
      "mining.miner.generic: got a mapping, wanted nothing",
    ],
    ["an argument with a line break", { program: "rigel", file: "/x", args: ["a\nb"] }, "mining.miner.args[0]"],
    [
      "a pointer that is none",
      { program: "generic", file: "/x", generic: { ...generic, hashrate: "rate" } },
      "mining.miner.generic.hashrate",
    ],
  ])("refuses %s", (_, miner, message) => {
    expect(() => parse({ miner })).toThrow(ConfigError);
    expect(() => parse({ miner })).toThrow(message);
  });

  test.each([
    [
      "another algorithm than the built-in miner's",
      { algorithm: "kawpow" },
      "mining.miner: got nothing, wanted a program that hashes kawpow",
    ],
    [
      "another algorithm at the built-in pool",
      { algorithm: "kawpow", pools: [{ url: "devpool" }], miner: { program: "t-rex", file: "/x" } },
      'mining.pools[0].url: got "devpool", wanted a pool of kawpow',
    ],
    [
      "a file and an image",
      { image: `sha256:${"0".repeat(64)}`, miner: { program: "t-rex", file: "/x" } },
      'mining.miner.file: got "/x", wanted either',
    ],
  ])("refuses %s", (_, fields, message) => {
    expect(() => parse(fields)).toThrow(message);
  });
});
