import { describe, expect, test } from "vitest";
import { DIALECTS, type DialectName } from "../../../../src/config/mining-terms.ts";
import type { MinerPool, MinerSheet } from "../../../../src/mining/miners/program.ts";
import { MINER_PROGRAMS } from "../../../../src/mining/miners/programs.ts";

type Name = keyof typeof MINER_PROGRAMS;
const names = Object.keys(MINER_PROGRAMS) as Name[];

const login = { user: "wallet.rig-0", password: "x" };
const proxy: MinerPool = { host: "127.0.0.1", port: 4001, tls: false, dialect: "kawpow", ...login };
const pool: MinerPool = { ...proxy, host: "pool.example", port: 5555, tls: true };
const sheet: MinerSheet = {
  algorithm: "kawpow",
  pools: [proxy, pool],
  apiPort: 4067,
  apiHost: "127.0.0.1",
  apiToken: "secret",
  pciAddress: "0a:00",
  extra: ["--last"],
};

describe("a login", () => {
  const atProxy = { ...proxy, user: "rig-0" };
  const argsOf = (name: Name, ...others: readonly MinerPool[]) =>
    MINER_PROGRAMS[name].args({ ...sheet, pools: [atProxy, ...others] });
  const wordAfter = (args: readonly string[], option: string) => args[args.indexOf(option) + 1];

  test("of the proxy's is never BzMiner's at a pool, where it would hash for nobody", () => {
    expect(argsOf("bzminer", pool).join(" ")).not.toContain("pool.example");
    expect(argsOf("bzminer", { ...pool, user: "rig-0" }).join(" ")).toContain("pool.example");
  });

  test("of each pool's own is what BzMiner gets from release 100 on", () => {
    expect(argsOf("bzminer-100", { ...pool, user: "w2", password: "p2" }).join(" ")).toContain(
      "-p stratum+tcp://127.0.0.1:4001 -w rig-0 --pass x -p stratum+ssl://pool.example:5555 -w w2 --pass p2",
    );
  });

  test("with the marks that part SRBMiner's passwords is given to it escaped, user and pools parted by commas", () => {
    const args = argsOf("srbminer", { ...pool, user: "wal!let", password: "x;d=5!" });
    expect(wordAfter(args, "--pool")).toBe("127.0.0.1:4001,pool.example:5555");
    expect(wordAfter(args, "--wallet")).toBe("rig-0,wal!let");
    expect(wordAfter(args, "--password")).toBe("x!x#;d=5#!");
    expect(wordAfter(args, "--tls")).toBe("false,true");
  });

  test.each([
    { user: "wal;let", password: "x" },
    { user: "wal,let", password: "x" },
    { user: "wallet", password: "x#" },
    { user: "wallet", password: "" },
  ])("of %o that SRBMiner would take apart is not given to it, and the next pool keeps its own", (bad) => {
    const odd = { ...pool, ...bad };
    const args = argsOf("srbminer", odd, { ...pool, host: "next.example", user: "w2", password: "p2" });
    expect(wordAfter(args, "--pool")).toBe("127.0.0.1:4001,next.example:5555");
    expect([wordAfter(args, "--wallet"), wordAfter(args, "--password"), wordAfter(args, "--tls")]).toEqual([
      ...["rig-0,w2", "x!p2", "false,true"],
    ]);
    expect(MINER_PROGRAMS.srbminer.omits?.(odd, atProxy)).toMatch(/^it /);
  });

  test.each(names)("that %s is told is said to be told, and only that", (name) => {
    const program = MINER_PROGRAMS[name];
    for (const user of ["rig-0", "kaspa:qz.rig-0", "a;b", "a,b", "a!b"])
      for (const password of ["x", "c=RVN,d=1", "a;b", "a!b", "a#"]) {
        const told = argsOf(name, { ...pool, user, password })
          .join(" ")
          .includes("pool.example");
        expect({ user, password, told }).toEqual({
          user,
          password,
          told: program.omits?.({ ...pool, user, password }, atProxy) === undefined,
        });
      }
  });
});

describe("how a pool talks", () => {
  /** What each program must be told, by its makers' words; without an entry it speaks but one dialect of Ethash, or none. */
  const words: Partial<Record<Name, readonly [ethereumStratum: string, ethProxy: string, other: string]>> = {
    "t-rex": ["-o stratum2+tcp://127", "-o stratum+tcp://127", "-o stratum+tcp://127"],
    rigel: ["-o ethstratum+tcp://127", "-o ethproxy+tcp://127", "-o stratum+tcp://127"],
    bzminer: ["-p ethstratum+tcp://127", "-p ethproxy+tcp://127", "-p stratum+tcp://127"],
    "bzminer-100": ["-p ethstratum+tcp://127", "-p ethproxy+tcp://127", "-p stratum+tcp://127"],
    nbminer: ["-o nicehash+tcp://127", "-o ethproxy+tcp://127", "-o stratum+tcp://127"],
    claymore: ["-P stratum2+tcp://", "-P stratum1+tcp://", "-P stratum+tcp://"],
    lolminer: ["--ethstratum ETHV1", "--ethstratum ETHPROXY", "--algo kawpow --pool"],
    gminer: ["--ssl 0 --proto stratum", "--ssl 0 --proto proxy", "--ssl 0 --server"],
    srbminer: ["--tls false,true --esm 1,1", "--tls false,true --esm 0,0", "--tls false,true --api"],
    teamredminer: ["--eth_stratum_mode=nicehash", "--eth_stratum_mode=ethproxy", "-a kawpow -o stratum+tcp://127"],
  };
  const lineIn = (name: Name, dialect: DialectName) =>
    MINER_PROGRAMS[name]
      .args({
        ...sheet,
        pools: [
          { ...proxy, dialect },
          { ...pool, dialect },
        ],
      })
      .join(" ");

  test.each(Object.keys(words) as Name[])("is told to %s in its own words", (name) => {
    const [ethereumStratum, ethProxy, other] = words[name] ?? [];
    expect(lineIn(name, "ethereum-stratum")).toContain(ethereumStratum);
    expect(lineIn(name, "eth-proxy")).toContain(ethProxy);
    for (const dialect of ["bitcoin-v1", "kawpow", "kheavyhash", "alephium", "cryptonote"] as const) {
      expect(lineIn(name, dialect)).toContain(other);
      expect(lineIn(name, dialect)).toBe(lineIn(name, "bitcoin-v1"));
    }
  });

  test.each(names)("never has %s told a scheme that it does not know, with TLS and without", (name) => {
    const known = /^(stratum[12]?|ethstratum|ethproxy|nicehash)\+(tcp|ssl|tls)$/;
    for (const dialect of DIALECTS)
      for (const [, scheme] of lineIn(name, dialect).matchAll(/([\w+]+):\/\//g)) expect(scheme).toMatch(known);
    const isByScheme = lineIn(name, "bitcoin-v1").includes("://");
    if (isByScheme) expect(lineIn(name, "bitcoin-v1")).toMatch(/\+tcp:\/\/.*\+(ssl|tls):\/\//);
  });

  test("may differ for a second coin, and an address of IPv6 stands in brackets", () => {
    const dual = { algorithm: "etchash", pool: { ...proxy, host: "::1", dialect: "ethereum-stratum" } } as const;
    const lineOf = (name: Name) => MINER_PROGRAMS[name].args({ ...sheet, dual }).join(" ");
    expect(lineOf("t-rex")).toContain("--url2 stratum2+tcp://[::1]:4001");
    expect(lineOf("t-rex")).toContain("-o stratum+tcp://127");
    expect(lineOf("lolminer")).toContain("--dualpool [::1]:4001");
  });
});

test("a program whose API cannot be told an address is known for it", () => {
  expect(names.filter((name) => MINER_PROGRAMS[name].listensEverywhere)).toEqual(["gminer", "srbminer"]);
});

test("XMRig's token stands in a file that says all of its API, and then in no argument", () => {
  const { args, apiSettings } = MINER_PROGRAMS.xmrig;
  expect(args(sheet)).toEqual(expect.arrayContaining(["--http-access-token", "secret"]));
  const told = args({ ...sheet, apiFile: "/run/key.json" });
  expect(told.join(" ")).toContain("-c /run/key.json");
  expect(told.join(" ")).not.toMatch(/secret|--http/);
  expect(JSON.parse(apiSettings?.(sheet) ?? "")).toEqual({
    ...{ autosave: false, watch: false },
    http: { enabled: true, host: "127.0.0.1", port: 4067, "access-token": "secret", restricted: false },
  });
});
