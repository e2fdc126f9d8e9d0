import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/config/errors.ts";
import { loadConfig, parseConfig } from "../../../src/config/load.ts";
import { toOneLine } from "../../../src/lib/errors.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const parse = (value: unknown) => parseConfig(value, "rig.yaml", "/etc/rig");

function faultOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("no fault was thrown");
}

const loadText = (text: string) => {
  using directory = new TemporaryDirectory();
  return loadConfig(directory.write("rig.yaml", text));
};

const faultOfText = (text: string): ConfigError => faultOf(() => loadText(text));

const stratum = { url: "stratum+tcp://pool.example.org:3333", user: "wallet.worker" };

describe("a valid file", () => {
  test("needs nothing but its version, and then observes without mining or serving", () => {
    const config = parse({ version: 1 });
    expect(config).toMatchObject({
      mode: "observe",
      rig: { name: "rig" },
      http: { listen: { host: "127.0.0.1", port: 7410 }, allowedHosts: [] },
      electricity: { price: 0.15 },
      market: { file: "sample" },
      gpus: { source: "auto" },
      power: { cpu: { idle: 10, max: 65 }, wall: { base: 0, efficiency: 0.9 } },
      policy: { minDwell: 60_000, maxSwitchesPerDay: 20, maxGapSwitchesPerHour: 12, lending: "auto" },
      log: { level: "info" },
    });
    expect(config.mining).toBeUndefined();
    expect(config.inference).toBeUndefined();
  });

  test("turns seconds into milliseconds and dollars into nano-dollars", () => {
    const config = parse({
      version: 1,
      inference: { engine: { kind: "builtin", modelFile: "m.gguf" }, wakeValueUsd: 0.25, maxWaitS: 1.5 },
      policy: { wearUsdPerSwitch: 0.001 },
    });
    expect(config.inference).toMatchObject({ wakeValue: 250_000_000, maxWait: 1500, drainTimeout: 30_000 });
    expect(config.policy.wearPerSwitch).toBe(1_000_000);
  });

  test("takes relative paths from its own folder and leaves absolute ones alone", () => {
    const config = parse({
      version: 1,
      dataDir: "data",
      market: { file: "prices.yaml" },
      inference: { engine: { kind: "builtin", modelFile: "/models/m.gguf" } },
      mining: { pools: [{ ...stratum, password: { file: "pool.password" } }] },
    });
    expect(config.dataDir).toBe("/etc/rig/data");
    expect(config.market.file).toBe("/etc/rig/prices.yaml");
    expect(config.inference?.engine.modelFile).toBe("/models/m.gguf");
    expect(config.mining?.sheets[0]?.pools[0]?.password).toEqual({ file: "/etc/rig/pool.password" });
  });

  test("takes the script of simulated GPUs from its own folder", () => {
    const { gpus } = parse({ version: 1, gpus: { source: "simulated", script: "gpus.script" } });
    expect(gpus).toEqual({ source: "simulated", script: "/etc/rig/gpus.script" });
  });

  test("names the parts of a pool's address", () => {
    const pools = parse({ version: 1, mining: { pools: [stratum, { url: "devpool" }] } }).mining?.sheets[0]?.pools;
    expect(pools?.[0]).toEqual({
      ...stratum,
      endpoint: { kind: "stratum", host: "pool.example.org", port: 3333 },
    });
    expect(pools?.[1]).toEqual({ url: "devpool", user: "rigshift", endpoint: { kind: "devpool" } });
  });

  test("takes TLS, a pin and the pool's own terms", () => {
    const pool = { ...stratum, url: "stratum+ssl://pool.example.org:443", tlsPin: "ab".repeat(32) };
    const terms = { algorithm: "sha256d", dialect: "bitcoin-v1" };
    const pools = parse({ version: 1, mining: { pools: [{ ...pool, ...terms }] } }).mining?.sheets[0]?.pools;
    expect(pools?.[0]).toMatchObject({ ...pool, ...terms, endpoint: { host: "pool.example.org", port: 443 } });
  });

  test("drops a section that is switched off", () => {
    const config = parse({ version: 1, mining: { enabled: false, pools: [stratum] }, inference: { enabled: false } });
    expect(config.mining).toBeUndefined();
    expect(config.inference).toBeUndefined();
  });

  test("may listen on any free port, on IPv6 too", () => {
    expect(parse({ version: 1, http: { listen: "[::1]:0" } }).http.listen).toEqual({ host: "::1", port: 0 });
  });

  test("remembers the file it came from", () => {
    expect(loadText("version: 1\n").file).toMatch(/rig\.yaml$/);
  });
});

describe("an invalid file", () => {
  const inference = (fields: object) => ({
    inference: { engine: { kind: "builtin", modelFile: "m" }, ...fields },
  });
  const rows: readonly (readonly [title: string, fields: object, message: string])[] = [
    ["an unknown key", { minig: {} }, "minig: got an unknown key, wanted one of version, rig, mode"],
    [
      "an unknown key deep inside",
      { policy: { dwell: 1 } },
      "policy.dwell: got an unknown key, wanted one of minDwellS",
    ],
    [
      "a pool address without a scheme",
      { mining: { pools: [{ url: "abc" }] } },
      'mining.pools[0].url: got "abc", wanted "devpool" or an address such as "stratum+tcp://pool.example.org:3333"',
    ],
    [
      "a pool port that does not exist",
      { mining: { pools: [{ url: "stratum+tcp://a:70000" }] } },
      "mining.pools[0].url",
    ],
    [
      "a failover pool of another algorithm",
      { mining: { pools: [stratum, { ...stratum, algorithm: "kawpow" }] } },
      'mining.pools[1].algorithm: got "kawpow", wanted sha256d, which the miner hashes',
    ],
    [
      "a dialect that nobody mines the algorithm in",
      { mining: { pools: [{ ...stratum, dialect: "cryptonote" }] } },
      'mining.pools[0].dialect: got "cryptonote", wanted one of bitcoin-v1',
    ],
    [
      "a pin for a pool without TLS",
      { mining: { pools: [{ ...stratum, tlsPin: "ab".repeat(32) }] } },
      "mining.pools[0].tlsPin",
    ],
    ["a script without simulated GPUs", { gpus: { script: "x" } }, 'gpus.script: got "x", wanted no script, because'],
    ["mining without a pool", { mining: {} }, "mining.pools: got nothing, wanted at least one pool"],
    ["inference without an engine", { inference: {} }, "inference.engine: got nothing, wanted the engine that answers"],
    ["a mode that cannot be configured", { mode: "release" }, 'mode: got "release", wanted one of observe, auto'],
    [
      "a number written as text",
      { electricity: { usdPerKwh: "0.2" } },
      'electricity.usdPerKwh: got "0.2", wanted a number',
    ],
    [
      "a negative price",
      { electricity: { usdPerKwh: -1 } },
      "electricity.usdPerKwh: got -1, wanted a number from 0 to 10",
    ],
    [
      "a number that is none",
      { electricity: { usdPerKwh: Number.NaN } },
      "electricity.usdPerKwh: got NaN, wanted a number",
    ],
    [
      "a wait beyond its bound",
      inference({ maxWaitS: 3601 }),
      "inference.maxWaitS: got 3601, wanted a number from 0 to 3600 seconds",
    ],
    ["a broken queue limit", inference({ queueLimit: 1.5 }), "inference.queueLimit: got 1.5, wanted a whole number"],
    ["no wear at all", { policy: { wearUsdPerSwitch: 0 } }, "policy.wearUsdPerSwitch: got 0, wanted a number from"],
    [
      "more idle than full power",
      { power: { cpu: { idleW: 90, maxW: 60 } } },
      "power.cpu.maxW: got 60, wanted at least as many watts as idleW",
    ],
    ["an impossible power supply", { power: { wall: { efficiency: 1.2 } } }, "power.wall.efficiency: got 1.2"],
    [
      "a listening address without a port",
      { http: { listen: "127.0.0.1" } },
      'http.listen: got "127.0.0.1", wanted an address',
    ],
    [
      "an open listener without TLS",
      { http: { listen: "0.0.0.0:7410" } },
      "http.tls: got nothing, wanted { certFile, keyFile }",
    ],
    ["a section that is a list", { policy: [] }, "policy: got a list of 0, wanted a mapping"],
    ["an empty section", { policy: null }, "policy: got nothing, wanted a mapping"],
    [
      "a checksum of the wrong length",
      { inference: { engine: { kind: "builtin", modelFile: "m", sha256: "ab" } } },
      "inference.engine.sha256",
    ],
  ];
  for (const [title, fields, message] of rows)
    test(`names ${title}, what it got and what is wanted`, () => {
      const fault = faultOf(() => parse({ version: 1, ...fields }));
      expect(fault.facts.code).toBe("ERR_CONFIG_INVALID");
      expect(toOneLine(fault)).toContain(`rig.yaml: ${message}`);
      expect(toOneLine(fault)).toMatch(/\(ERR_CONFIG_INVALID\): correct/);
    });

  test("is refused without its version, and with another one", () => {
    expect(faultOf(() => parse({})).message).toBe("rig.yaml: version: got nothing, wanted 1");
    expect(faultOf(() => parse({ version: 2 })).message).toBe("rig.yaml: version: got 2, wanted 1");
  });

  test("is one error that names several places, and counts the rest", () => {
    const fault = faultOf(() => parse({ version: 1, a: 1, b: 1, c: 1, d: 1, mode: 7 }));
    expect(fault.facts.issues).toHaveLength(5);
    expect(fault.message).toContain("mode: got 7");
    expect(fault.message).toMatch(/; and 2 more$/);
  });

  test("never repeats a secret that was written into it", () => {
    const inline = faultOf(() => parse({ version: 1, mining: { pools: [{ ...stratum, password: "hunter2" }] } }));
    expect(inline.message).toContain(
      "mining.pools[0].password: got a string, wanted { file: <path> } or { env: <NAME> }",
    );
    const within = faultOf(() =>
      parse({ version: 1, mining: { pools: [{ url: "stratum+tcp://me:hunter2@pool:1" }] } }),
    );
    const broken = faultOfText("version: 1\nmining: { pools: [{ password: hunter2 ]\n");
    for (const fault of [inline, within, broken]) {
      expect(toOneLine(fault)).not.toContain("hunter2");
      expect(JSON.stringify(fault.facts)).not.toContain("hunter2");
    }
  });

  test("cannot put control characters on the operator's terminal", () => {
    expect(faultOf(() => parse({ version: 1, mode: "\u001b[2J", "\u001b[31m": 1 })).message).not.toContain("\u001b");
  });
});

describe("a file that is no YAML", () => {
  test("is named with the line of the fault", () => {
    const fault = faultOfText("version: 1\nrig:\n  name: [a\n");
    expect(fault.facts).toMatchObject({ code: "ERR_CONFIG_SYNTAX" });
    expect(fault.facts.line).toBeGreaterThanOrEqual(3);
    expect(toOneLine(fault)).toMatch(/rig\.yaml:\d+: not valid YAML: .*\(ERR_CONFIG_SYNTAX\): correct/);
  });

  test("is refused when a key stands twice, because only one of the two could count", () => {
    expect(faultOfText("version: 1\nmode: auto\nmode: mine\n").message).toContain(
      ":3: not valid YAML: Map keys must be unique",
    );
  });

  test("is refused when it holds two documents", () => {
    expect(faultOfText("version: 1\n---\nversion: 1\n").facts.code).toBe("ERR_CONFIG_SYNTAX");
  });

  test("cannot exhaust memory with aliases or the stack with nesting", () => {
    const layers = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(",")}]`);
    expect(faultOfText(`l0: &l0 [x]\n${layers.join("\n")}\n`).facts.code).toBe("ERR_CONFIG_SYNTAX");
    expect(faultOfText("[".repeat(50_000)).facts.code).toBe("ERR_CONFIG_SYNTAX");
  });

  test("is refused when it is absent, a folder or too large, each with what to do", () => {
    using directory = new TemporaryDirectory();
    expect(faultOf(() => loadConfig(`${directory.path}/none.yaml`)).facts.code).toBe("ERR_CONFIG_MISSING");
    expect(faultOf(() => loadConfig(directory.path)).facts.code).toBe("ERR_CONFIG_UNREADABLE");
    const large = directory.write("large.yaml", `# ${"x".repeat(1024 * 1024)}\nversion: 1\n`);
    expect(faultOf(() => loadConfig(large)).message).toContain("larger than");
  });
});

test("whatever a file holds, the answer is a configuration or a ConfigError", () => {
  const key = fc.constantFrom(
    "version",
    "mode",
    "http",
    "mining",
    "inference",
    "pools",
    "policy",
    "__proto__",
    "toString",
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: "small" },
      fc.constant(1),
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any")),
      fc.dictionary(key, tie("any")),
    ),
  })).any;
  fc.assert(
    fc.property(
      fc.oneof(value, fc.record({ version: fc.constant(1), mining: value, http: value, policy: value })),
      (raw) => {
        try {
          parse(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      },
    ),
    { numRuns: 300 },
  );
});
