import { describe, expect, test } from "vitest";
import { generic } from "../../../../src/mining/miners/generic.ts";
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

describe.each(names)("%s", (name) => {
  const program = MINER_PROGRAMS[name];
  const args = program.args(sheet);

  test("gets the proxy first and the pool after it", () => {
    const line = args.join(" ");
    expect(program.omits?.(pool, proxy)).toBeUndefined();
    expect(line.indexOf("4001")).toBeGreaterThan(-1);
    expect(line.indexOf("5555")).toBeGreaterThan(line.indexOf("4001"));
    expect(line).toContain("pool.example");
    expect(line).toContain("wallet.rig-0");
  });

  test("gets its API port, its algorithm and the operator's own arguments last", () => {
    expect(args.some((arg) => arg.includes("4067"))).toBe(true);
    expect(args).toContain("kawpow");
    expect(args.at(-1)).toBe("--last");
  });

  test("is never told to listen on all addresses", () => {
    expect(args.join(" ")).not.toContain("0.0.0.0");
  });

  test.each(["", "<html></html>", "null", "[]", "{}", '{"gpus":7}', "NAME|", "\u0000", "{".repeat(10_000)])(
    "answering %j is refused by name",
    (answer) => {
      expect(() => program.parse([answer, answer])).toThrow(
        expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_MINER_ANSWER" }) }),
      );
    },
  );
});

test("lolMiner is told its GPU's bus in decimal, as it counts them", () => {
  const args = MINER_PROGRAMS.lolminer.args(sheet);
  expect(args[args.indexOf("--devices") + 1]).toBe("10:0");
});

test("the programs that know processors and cards use the one that they are planned for", () => {
  const lineOf = (name: Name, onProcessor?: true) =>
    MINER_PROGRAMS[name].args({ ...sheet, ...(onProcessor && { onProcessor }) }).join(" ");
  expect(lineOf("xmrig")).toContain("--no-cpu --cuda --cuda-devices=0");
  expect(lineOf("xmrig", true)).not.toMatch(/cuda|--no-cpu/);
  expect(lineOf("srbminer")).toContain("--disable-cpu --gpu-id 0");
  expect(lineOf("srbminer", true)).toContain("--disable-gpu");
  expect(lineOf("srbminer", true)).not.toMatch(/--disable-cpu|--gpu-id/);
});

test("every program with a watchdog of its own has it turned off", () => {
  const offs: Partial<Record<Name, string>> = {
    "t-rex": "--no-watchdog",
    lolminer: "--watchdog off",
    rigel: "--no-watchdog",
    gminer: "--watchdog 0",
    bzminer: "--no_watchdog",
    "bzminer-100": "--no-watchdog",
    teamredminer: "--watchdog_disabled",
    nbminer: "--no-watchdog",
  };
  for (const [name, off] of Object.entries(offs))
    expect(MINER_PROGRAMS[name as Name].args(sheet).join(" ")).toContain(off);
});

describe("a reading", () => {
  test("of lolMiner 1.4 and later has one run per algorithm, in hashes per second", () => {
    const answer = {
      Software: "lolMiner 1.98",
      Session: { Uptime: 61 },
      Workers: [
        { Index: 0, Power: 180.5, PCIE_Address: "1:0", Core_Temp: 55 },
        { Index: 1, Power: 0, PCIE_Address: "16:0", Core_Temp: 0 },
      ],
      Algorithms: [
        algorithm("Autolykos V2", [172.1, 170], [9, 8], [1, 0]),
        algorithm("kHeavyHash", [500, 510], [20, 21], [0, 0]),
      ],
    };
    expect(MINER_PROGRAMS.lolminer.parse([JSON.stringify(answer)])).toEqual({
      version: "lolMiner 1.98",
      uptime: 61_000,
      runs: [
        {
          algorithm: "Autolykos V2",
          hashrate: 342_100_000,
          accepted: 17,
          rejected: 1,
          devices: [
            { index: 0, pciBus: 1, hashrate: 172_100_000, accepted: 9, rejected: 1, power: 180.5, temperatureC: 55 },
            { index: 1, pciBus: 16, hashrate: 170_000_000, accepted: 8, rejected: 0 },
          ],
        },
        {
          algorithm: "kHeavyHash",
          hashrate: 1_010_000_000,
          accepted: 41,
          rejected: 0,
          devices: [
            { index: 0, pciBus: 1, hashrate: 500_000_000, accepted: 20, rejected: 0 },
            { index: 1, pciBus: 16, hashrate: 510_000_000, accepted: 21, rejected: 0 },
          ],
        },
      ],
    });
  });

  test("of Rigel has a run for each of `a+b`, and leaves out cards that were not selected", () => {
    const stat = (accepted: number) => ({ accepted, rejected: 1, invalid: 0 });
    const answer = {
      version: "1.17.4",
      algorithm: "kheavyhash+zil",
      uptime: 9,
      hashrate: { kheavyhash: 9e8, zil: 1e6 },
      solution_stat: { kheavyhash: stat(5), zil: stat(0) },
      devices: [
        {
          id: 0,
          selected: true,
          pci_address: "0A:00",
          hashrate: { kheavyhash: 9e8, zil: 1e6 },
          solution_stat: { kheavyhash: stat(5), zil: stat(0) },
          monitoring_info: { power_usage: 120, core_temperature: 50 },
        },
        { id: 1, selected: false, pci_address: "0B:00", hashrate: null, solution_stat: null, monitoring_info: null },
      ],
    };
    const { runs } = MINER_PROGRAMS.rigel.parse([JSON.stringify(answer)]);
    expect(runs).toEqual([
      {
        algorithm: "kheavyhash",
        hashrate: 9e8,
        accepted: 5,
        rejected: 1,
        invalid: 0,
        devices: [
          { index: 0, pciBus: 10, hashrate: 9e8, accepted: 5, rejected: 1, invalid: 0, power: 120, temperatureC: 50 },
        ],
      },
      {
        algorithm: "zil",
        hashrate: 1e6,
        accepted: 0,
        rejected: 1,
        invalid: 0,
        devices: [{ index: 0, pciBus: 10, hashrate: 1e6, accepted: 0, rejected: 1, invalid: 0 }],
      },
    ]);
  });

  test("of GMiner mining two coins has a run for each, stale shares counted as not paid", () => {
    const answer = {
      miner: "GMiner 3.44",
      algorithm: "Ethash",
      algorithm2: "kHeavyHash",
      devices: [
        {
          ...{ gpu_id: 0, bus_id: "0000:0a:00.0", speed: 31_200_000, speed2: 400_000_000, power_usage: 180 },
          ...{ accepted_shares: 5, rejected_shares: 1, stale_shares: 2, invalid_shares: 0 },
          ...{ accepted_shares2: 50, rejected_shares2: 0, stale_shares2: 0, invalid_shares2: 3 },
        },
      ],
    };
    const { runs } = MINER_PROGRAMS.gminer.parse([JSON.stringify(answer)]);
    expect(runs).toMatchObject([
      { algorithm: "Ethash", hashrate: 31_200_000, accepted: 5, rejected: 3, devices: [{ pciBus: 10, power: 180 }] },
      { algorithm: "kHeavyHash", hashrate: 4e8, accepted: 50, rejected: 0, devices: [{ invalid: 3 }] },
    ]);
    expect(runs[1]?.devices[0]).not.toHaveProperty("power");
  });

  test("of BzMiner reads the list entry of each algorithm", () => {
    const answer = {
      pools: [{ algorithm: "kaspa" }, { algorithm: "zil" }],
      devices: [
        {
          ...{ status: [3, 3], hashrate: [9e8, 1e6], power: 120 },
          ...{ valid_solutions: [5, 1], rejected_solutions: [1, 0], stale_solutions: [2, 0] },
        },
      ],
    };
    expect(MINER_PROGRAMS.bzminer.parse([JSON.stringify(answer)]).runs).toMatchObject([
      { algorithm: "kaspa", hashrate: 9e8, accepted: 5, rejected: 3, devices: [{ index: 0, power: 120 }] },
      { algorithm: "zil", hashrate: 1e6, accepted: 1, rejected: 0 },
    ]);
  });

  test("of SRBMiner takes each card's own rate", () => {
    const answer = {
      miner_version: "2.6.1",
      mining_time: 61,
      gpu_devices: [
        { id: 0, bus_id: 1, temperature: 50 },
        { id: 1, bus_id: 5, temperature: 0 },
      ],
      algorithms: [
        {
          name: "autolykos2",
          shares: { accepted: 7, rejected: 1 },
          hashrate: { gpu: { gpu0: 1e8, gpu1: 2e8, total: 3e8 } },
        },
      ],
    };
    expect(MINER_PROGRAMS.srbminer.parse([JSON.stringify(answer)])).toEqual({
      version: "2.6.1",
      uptime: 61_000,
      runs: [
        {
          algorithm: "autolykos2",
          accepted: 7,
          rejected: 1,
          hashrate: 3e8,
          devices: [
            { index: 0, pciBus: 1, hashrate: 1e8, temperatureC: 50 },
            { index: 1, pciBus: 5, hashrate: 2e8 },
          ],
        },
      ],
    });
  });

  test("of XMRig 6 says whether it pauses, and a rate that is not known yet is absent", () => {
    const summary = {
      ...{ version: "6.21.0", uptime: 2, paused: true, algo: "rx/0" },
      ...{ hashrate: { total: [null, null, null] }, results: { shares_good: 4, shares_total: 5 } },
    };
    const reading = MINER_PROGRAMS.xmrig.parse([JSON.stringify(summary), "[]"]);
    expect(reading).toEqual({
      version: "6.21.0",
      uptime: 2000,
      paused: true,
      runs: [{ algorithm: "rx/0", accepted: 4, rejected: 1, devices: [] }],
    });
  });

  test("of T-Rex is paused only when every card is", () => {
    const gpu = (paused: boolean) => ({ gpu_id: 0, hashrate: 0, paused });
    const answer = (...gpus: object[]) =>
      JSON.stringify({ algorithm: "kawpow", hashrate: 0, accepted_count: 0, rejected_count: 0, gpus });
    expect(MINER_PROGRAMS["t-rex"].parse([answer(gpu(true), gpu(false))]).paused).toBe(false);
    expect(MINER_PROGRAMS["t-rex"].parse([answer(gpu(true), gpu(true))]).paused).toBe(true);
  });

  test("with a negative or endless rate is refused naming the field", () => {
    const answer = { algorithm: "x", hashrate: -1, accepted_count: 0, rejected_count: 0, gpus: [] };
    expect(() => MINER_PROGRAMS["t-rex"].parse([JSON.stringify(answer)])).toThrow("hashrate");
    const endless = JSON.stringify({ ...answer, hashrate: 0 }).replace('"hashrate":0', '"hashrate":1e999');
    expect(() => MINER_PROGRAMS["t-rex"].parse([endless])).toThrow("hashrate");
  });
});

function algorithm(name: string, rates: number[], accepted: number[], rejected: number[]) {
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    ...{ Algorithm: name, Performance_Unit: "Mh/s", Performance_Factor: 1e6, Total_Performance: sum(rates) },
    ...{ Total_Accepted: sum(accepted), Total_Rejected: sum(rejected), Worker_Performance: rates },
    ...{ Worker_Accepted: accepted, Worker_Rejected: rejected },
  };
}

describe("a program described in rig.yaml", () => {
  const program = generic({
    args: ["--algo", "{algorithm}", "--url", "{pool}", "--user={user}", "--api", "{apiPort}"],
    path: "/api",
    hashrate: "/stats/0/mh~1s",
    hashrateUnit: 1e6,
    accepted: "/shares/good",
  });

  test("is started with its places filled in", () => {
    expect(program.args(sheet)).toEqual([
      ...["--algo", "kawpow", "--url", "127.0.0.1:4001", "--user=wallet.rig-0", "--api", "4067", "--last"],
    ]);
  });

  test("is read through its pointers; numbers written as text count, what is null is absent", () => {
    const answer = (mhs: unknown, good: unknown) => JSON.stringify({ stats: [{ "mh/s": mhs }], shares: { good } });
    expect(program.parse([answer("31.5", 7)]).runs[0]).toEqual({ hashrate: 31_500_000, accepted: 7, devices: [] });
    expect(program.parse([answer(null, null)]).runs[0]).toEqual({ devices: [] });
    expect(() => program.parse([answer("fast", 7)])).toThrow("/stats/0/mh~1s");
    expect(() => program.parse([answer(1, -7)])).toThrow("/shares/good");
  });

  test("with a place that Rigshift does not fill in says which", () => {
    const wrong = generic({ args: ["{wallet}"], path: "/", hashrate: "/h", hashrateUnit: 1 });
    expect(() => wrong.args(sheet)).toThrow("{wallet}");
  });
});

describe("two coins at once", () => {
  const dual = { algorithm: "second", pool: { ...proxy, port: 4002, user: "rig-0" } };
  const words: readonly (readonly [Name, string])[] = [
    ["lolminer", "--dualmode second --dualpool 127.0.0.1:4002 --dualuser rig-0 --dualpass x --dualtls off"],
    ["rigel", "-o [2]stratum+tcp://127.0.0.1:4002 -u [2]rig-0 -p [2]x"],
    ["gminer", "--dalgo second --dserver 127.0.0.1 --dport 4002 --duser rig-0 --dpass x --dssl 0"],
    ["bzminer", "--a2 second --w2 rig-0 --pool_password2 x --p2 stratum+tcp://127.0.0.1:4002"],
    ["srbminer", "--algorithm kawpow;second --pool 127.0.0.1:4001,pool.example:5555;127.0.0.1:4002"],
    ["t-rex", "--dual-algo second --url2 stratum+tcp://127.0.0.1:4002 --user2 rig-0 --pass2 x"],
  ];
  test.each(words)("%s is told the second one's algorithm, pool and login", (name, expected) => {
    const line = MINER_PROGRAMS[name].args({ ...sheet, dual }).join(" ");
    expect(line).toContain(expected);
    expect(MINER_PROGRAMS[name].args(sheet).join(" ")).not.toContain("4002");
  });

  test("Rigel marks every pool with its coin, and SRBMiner lists logins and GPUs coin by coin", () => {
    const rigel = MINER_PROGRAMS.rigel.args({ ...sheet, dual }).join(" ");
    expect(rigel).toContain("-a kawpow+second");
    expect(rigel).toContain("-o [1]stratum+ssl://pool.example:5555 -u [1]wallet.rig-0 -p [1]x");
    const srbminer = MINER_PROGRAMS.srbminer.args({ ...sheet, dual }).join(" ");
    expect(srbminer).toContain("--wallet wallet.rig-0,wallet.rig-0;rig-0 --password x!x;x --tls false,true;false");
    expect(srbminer).toContain("--gpu-id 0;0");
  });

  const described = {
    args: ["{algorithm2}@{host2}:{port2}", "{pool2}/{user2}/{password2}"],
    path: "/",
    hashrate: "/a",
  };

  test("a generic program's places of the second coin are filled in, and refused where there is none", () => {
    const program = generic({ ...described, hashrateUnit: 1 });
    expect(program.args({ ...sheet, dual, extra: [] })).toEqual(["second@127.0.0.1:4002", "127.0.0.1:4002/rig-0/x"]);
    expect(() => program.args(sheet)).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ field: "{algorithm2}" }) }),
    );
  });

  test("a generic program's two rates are two runs, each in its unit; a rate that is not told is no run", () => {
    const program = generic({ ...described, hashrateUnit: 1e6, hashrate2: "/b", hashrate2Unit: 1e9 });
    expect(program.parse(['{"a":2,"b":3}']).runs.map(({ hashrate }) => hashrate)).toEqual([2e6, 3e9]);
    expect(program.parse(['{"a":2}']).runs).toHaveLength(1);
  });

  test("T-Rex tells the second one in dual_stat", () => {
    const first = { algorithm: "ethash", hashrate: 5e7, accepted_count: 3, rejected_count: 0, gpus: [] };
    const second = { algorithm: "kawpow", hashrate: 7e6, accepted_count: 2, rejected_count: 1 };
    const { runs } = MINER_PROGRAMS["t-rex"].parse([JSON.stringify({ ...first, dual_stat: second })]);
    expect(runs[1]).toEqual({ algorithm: "kawpow", hashrate: 7e6, accepted: 2, rejected: 1, devices: [] });
    expect(MINER_PROGRAMS["t-rex"].parse([JSON.stringify(first)]).runs).toHaveLength(1);
  });
});
