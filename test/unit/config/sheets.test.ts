import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/config/errors.ts";
import { parseConfig } from "../../../src/config/load.ts";

const pools = [{ url: "stratum+tcp://pool.example.org:3333" }];
const one = (name: string, fields: object = {}) => ({ name, coin: name, algorithm: "sha256d", pools, ...fields });
const parse = (mining: object, rest: object = {}) => parseConfig({ version: 1, mining, ...rest }, "rig.yaml", "/");
const several = (...sheets: object[]) => parse({ sheets });

describe("mining.sheets", () => {
  test("are taken in order, each with what it says for itself", () => {
    const gpus = ["GPU-00000000-0000-0000-0000-000000000000"];
    const terms = { poolFeePct: 1, devFeePct: 0.7, leaveCostUsd: 0.05, gpus, threads: 2 };
    const { mining } = several(one("alpha"), one("beta", terms));
    expect(mining?.sheets.map(({ name, coin, fees, leaveCost }) => ({ name, coin, fees, leaveCost }))).toEqual([
      { name: "alpha", coin: "alpha", fees: {}, leaveCost: 0 },
      { name: "beta", coin: "beta", fees: { poolFeePct: 1, devFeePct: 0.7 }, leaveCost: 50_000_000 },
    ]);
    expect(mining?.sheets[1]).toMatchObject({ gpus, threads: 2 });
  });

  test("the form without them is one sheet, named after its coin", () => {
    expect(parse({ coin: "btc", pools, leaveCostUsd: 1 }).mining?.sheets).toMatchObject([
      { name: "btc", coin: "btc", algorithm: "sha256d", leaveCost: 1e9 },
    ]);
    expect(parse({ pools }).mining?.sheets[0]?.name).toBe("devcoin");
  });

  test("may be switched off whole", () => {
    expect(parse({ enabled: false, sheets: [one("alpha")] }).mining).toBeUndefined();
  });

  const kawpow = { algorithm: "kawpow", miner: { program: "t-rex" } };
  test.each<[string, object, string]>([
    ["keys beside them", { coin: "btc", sheets: [one("a")] }, 'mining.coin: got "btc", wanted nothing, because each'],
    ["pools beside them", { pools, sheets: [one("a")] }, "mining.pools: got a list of 1, wanted nothing"],
    ["none", { sheets: [] }, "mining.sheets: got a list of 0, wanted at least one flight sheet"],
    ["the same name twice", { sheets: [one("a"), one("a")] }, 'mining.sheets[1].name: got "a", wanted a name that no'],
    [
      "one coin by two algorithms",
      { sheets: [one("a"), one("b", { ...kawpow, coin: "a" })] },
      'mining.sheets[1].coin: got "a", wanted a name of its own such as a-kawpow',
    ],
    [
      "a name that means something else",
      { sheets: [one("rest")] },
      'mining.sheets[0].name: got "rest", wanted another',
    ],
    ["a name that is none", { sheets: [one("A b")] }, 'mining.sheets[0].name: got "A b", wanted a name of its own'],
    ["no name", { sheets: [{ coin: "a", algorithm: "sha256d", pools }] }, "mining.sheets[0].name: got nothing"],
    [
      "no pool",
      { sheets: [one("a", { pools: [] })] },
      "mining.sheets[0].pools: got a list of 0, wanted at least one pool",
    ],
    ["an unknown key", { sheets: [one("a", { wallet: "x" })] }, "mining.sheets[0].wallet: got an unknown key"],
    [
      "an unknown algorithm",
      { sheets: [one("a", { algorithm: "x" })] },
      'mining.sheets[0].algorithm: got "x", wanted one of',
    ],
    [
      "a program without a file",
      { sheets: [one("a", kawpow)] },
      "mining.sheets[0].miner.file: got nothing, wanted either",
    ],
    [
      "half a pool fee's range",
      { sheets: [one("a", { poolFeePct: 51 })] },
      "mining.sheets[0].poolFeePct: got 51, wanted",
    ],
    [
      "a loyalty below 0",
      { sheets: [one("a", { leaveCostUsd: -1 })] },
      "mining.sheets[0].leaveCostUsd: got -1, wanted",
    ],
    [
      "an index for a GPU",
      { sheets: [one("a", { gpus: ["0"] })] },
      'mining.sheets[0].gpus[0]: got "0", wanted a GPU\'s UUID',
    ],
    [
      "an image that is not on the list",
      { sheets: [one("a"), one("b", { image: `sha256:${"0".repeat(64)}` })] },
      "mining.sheets[1].image: got",
    ],
    [
      "a host that is none",
      { sheets: [one("a", { pools: [{ ...pools[0], reconnectHosts: ["a b"] }] })] },
      'mining.sheets[0].pools[0].reconnectHosts[0]: got "a b", wanted a host',
    ],
  ])("refuse %s", (_, mining, message) => {
    expect(() => parse(mining)).toThrow(ConfigError);
    expect(() => parse(mining)).toThrow(message);
  });
});

describe("market.sources of several coins", () => {
  const mining = { sheets: [one("alpha"), one("beta")] };
  const source = (fields: object) => ({ url: "https://prices.example.org/x", ...fields });
  const json = { shape: "json", price: "/p", unit: "USD/TH" };
  const market = (...sources: object[]) => ({ market: { sources } });

  test("may price all of them, or say which", () => {
    const sources = [source({ shape: "whattomine" }), source({ ...json, coin: "beta" })];
    expect(parse(mining, market(...sources)).market.sources.map(({ coin }) => coin)).toEqual([undefined, "beta"]);
  });

  test.each<[string, object[], string]>([
    ["a price that could be anybody's", [source(json)], "market.sources[0].coin: got nothing, wanted the coin that it"],
    [
      "a tag that could be anybody's",
      [source({ shape: "minerstat", tag: "X" })],
      "market.sources[0].coin: got nothing",
    ],
    [
      "a coin that nobody mines",
      [source({ ...json, coin: "gamma" })],
      'market.sources[0].coin: got "gamma", wanted one',
    ],
    [
      "a coin without a source",
      [source({ ...json, coin: "beta" })],
      "market.sources: got a list of 1, wanted one for alpha",
    ],
  ])("refuse %s", (_, sources, message) => {
    expect(() => parse(mining, market(...sources))).toThrow(message);
  });
});

describe("dual", () => {
  const second = { coin: "beta", algorithm: "alephium", pools, poolFeePct: 2 };
  const miner = { program: "lolminer", file: "/opt/lolMiner" };

  test("is read from a sheet and from the plain form, with fees and a name for the algorithm of its own", () => {
    const dual = { ...second, programAlgorithm: "ALEPHDUAL" };
    const expected = { coin: "beta", programAlgorithm: "ALEPHDUAL", fees: { poolFeePct: 2 } };
    expect(several(one("alpha", { miner, dual })).mining?.sheets[0]?.dual).toMatchObject(expected);
    expect(parse({ coin: "alpha", pools, miner, dual }).mining?.sheets[0]?.dual).toMatchObject(expected);
    expect(several(one("alpha", { miner, dual: second })).mining?.sheets[0]?.dual?.programAlgorithm).toBe("alephium");
  });

  const generic = { args: ["{pool}"], path: "/", hashrate: "/a" };
  test.each<[string, object, string]>([
    ["the miner built in", { dual: second }, "because the miner reference hashes one coin at a time"],
    [
      "a program that cannot",
      { miner: { ...miner, program: "xmrig" }, dual: second },
      "the miner xmrig hashes one coin",
    ],
    ["the same coin twice", { miner, dual: { ...second, coin: "alpha" } }, "another coin than alpha"],
    [
      "the built-in pool's other algorithm",
      { miner, dual: { ...second, pools: [{ url: "devpool" }] } },
      "a pool of alephium",
    ],
    ["no pool", { miner, dual: { ...second, pools: [] } }, "at least one pool"],
    [
      "a generic program that is not told the second pool",
      { miner: { program: "generic", file: "/opt/x", generic }, dual: second },
      "an argument with {pool2} or {host2}",
    ],
  ])("with %s is refused", (_, fields, message) => {
    expect(() => several(one("alpha", fields))).toThrow(message);
  });

  test("of a coin that another sheet mines by another algorithm is refused", () => {
    expect(() => several(one("beta"), one("alpha", { miner, dual: second }))).toThrow("such as beta-alephium");
  });
});
