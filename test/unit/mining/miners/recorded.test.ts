import { describe, expect } from "vitest";
import { MINER_PROGRAMS } from "../../../../src/mining/miners/programs.ts";
import type { MinerReading } from "../../../../src/mining/miners/reading.ts";
import { readRecorded, recordedData } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const FOLDER = "07-stratum-and-miner-api/miner-api";

interface Expected {
  readonly algorithm?: string;
  readonly hashrate?: number;
  readonly accepted?: number;
  readonly rejected?: number;
  readonly devices: number;
  /** Of the first device. */
  readonly first?: MinerReading["runs"][number]["devices"][number];
}

const recorded = (program: keyof typeof MINER_PROGRAMS, files: readonly string[], expected: Expected): void => {
  const [name = ""] = files;
  testWith(recordedData(`${FOLDER}/${name}`), name, () => {
    const answers = files.map((file) => (file === "" ? "" : readRecorded(`${FOLDER}/${file}`)));
    const { runs } = MINER_PROGRAMS[program].parse(answers);
    const [run] = runs;
    const { devices, first, hashrate, ...rest } = expected;
    expect(run).toMatchObject(rest);
    if (hashrate === undefined) expect(run).not.toHaveProperty("hashrate");
    else expect(run?.hashrate).toBeCloseTo(hashrate, 3);
    expect(run?.devices).toHaveLength(devices);
    if (first !== undefined) expect(run?.devices[0]).toEqual(first);
  });
};

const rate = (value: number) => value as NonNullable<MinerReading["runs"][number]["hashrate"]>;
const watts = (value: number) => value as NonNullable<NonNullable<Expected["first"]>["power"]>;

describe("T-Rex's recorded answers", () => {
  recorded("t-rex", ["trex/Api1_0TrexITest_0.json"], {
    algorithm: "lyra2z",
    hashrate: 24_300_920,
    accepted: 44,
    rejected: 0,
    devices: 8,
    first: { index: 0, hashrate: rate(3_059_637) },
  });
  recorded("t-rex", ["trex/Api1_1TrexITest_0.json"], {
    algorithm: "x16r",
    hashrate: 150_645_350,
    accepted: 10,
    rejected: 0,
    devices: 8,
    first: { index: 0, hashrate: rate(19_101_584), power: watts(193), temperatureC: 57 },
  });
  recorded("t-rex", ["trex/Api3_0TrexITest_0.json"], {
    algorithm: "x16r",
    hashrate: 7_748_158,
    accepted: 1,
    rejected: 0,
    devices: 1,
    first: { index: 0, hashrate: rate(7_748_158), temperatureC: 68 },
  });
  recorded("t-rex", ["trex/TrexCcminerITest_0.txt"], {
    algorithm: "x16r",
    hashrate: 5_798_280,
    accepted: 5,
    rejected: 0,
    devices: 0,
  });
  recorded("t-rex", ["trex/TrexCcminerJsonITest_0.json"], {
    algorithm: "x16rv2",
    hashrate: 6_488_370,
    accepted: 0,
    rejected: 0,
    devices: 1,
  });
  recorded("t-rex", ["trex/TrexTelnetITest_0.json"], {
    algorithm: "ethash",
    hashrate: 232_615_880,
    accepted: 331,
    devices: 8,
    first: { index: 0, hashrate: rate(29_161_504), power: watts(109), temperatureC: 67 },
  });
  recorded("t-rex", ["trex/TrexUnknownGpuITest_0.json"], {
    algorithm: "x16s",
    hashrate: 46_155_255,
    accepted: 126,
    rejected: 0,
    devices: 2,
    first: { index: 0, hashrate: rate(22_767_767) },
  });
});

describe("lolMiner's recorded answers", () => {
  recorded("lolminer", ["lolminer/Lolminer0_4ITest_0.json"], {
    algorithm: "Equihash 144.5",
    hashrate: 24_722.0225,
    devices: 2,
    first: { index: 0, hashrate: rate(13_468.8252) },
  });
  recorded("lolminer", ["lolminer/Lolminer0_6ITest_0.json"], {
    algorithm: "Equihash 210/9",
    hashrate: 65.1,
    accepted: 4,
    rejected: 0,
    devices: 1,
    first: { index: 0, pciBus: 1, hashrate: rate(65.1), accepted: 4, rejected: 0 },
  });
  for (const file of ["Lolminer1_0ITest_0.json", "Lolminer1_0NoFanITest_0.json"])
    recorded("lolminer", [`lolminer/${file}`], {
      algorithm: "ZelHash",
      hashrate: 6.7,
      accepted: 0,
      rejected: 0,
      devices: 1,
      first: { index: 0, pciBus: 1, hashrate: rate(6.7), accepted: 0, rejected: 0, temperatureC: 49 },
    });
  recorded("lolminer", ["lolminer/Lolminer1_0ITest_1.json"], {
    algorithm: "Etchash",
    hashrate: 6_080_000,
    accepted: 0,
    rejected: 0,
    devices: 4,
    first: { index: 0, pciBus: 3, hashrate: rate(0), accepted: 0, rejected: 0, invalid: 0 },
  });
  recorded("lolminer", ["lolminer/Lolminer1_0ITest_2.json"], {
    algorithm: "Ethash",
    hashrate: 302_400_000,
    accepted: 3,
    rejected: 0,
    devices: 4,
    first: {
      index: 0,
      pciBus: 3,
      hashrate: rate(75_860_000),
      accepted: 0,
      rejected: 0,
      invalid: 0,
      power: watts(160.631),
      temperatureC: 47,
    },
  });
});

describe("GMiner's recorded answers", () => {
  recorded("gminer", ["gminer/GminerITest_0.json"], {
    hashrate: 253.4,
    accepted: 5,
    rejected: 0,
    devices: 4,
    first: {
      index: 0,
      pciBus: 1,
      hashrate: rate(61.1),
      accepted: 0,
      rejected: 0,
      power: watts(202),
      temperatureC: 52,
    },
  });
  recorded("gminer", ["gminer/Gminer_1_18_BeamITest_0.json"], {
    algorithm: 'Equihash 150,5 "Beam-PoW"',
    hashrate: 180,
    accepted: 12,
    rejected: 0,
    devices: 8,
    first: { index: 0, pciBus: 1, hashrate: rate(21), power: watts(169), temperatureC: 67 },
  });
  recorded("gminer", ["gminer/Gminer_1_18_ITest_0.json"], {
    hashrate: 68,
    accepted: 1,
    rejected: 0,
    devices: 1,
    first: { index: 0, pciBus: 1, hashrate: rate(68), accepted: 1, rejected: 0, temperatureC: 55 },
  });
  recorded("gminer", ["gminer/Gminer_1_34_ITest_0.json"], {
    hashrate: 1.2,
    accepted: 0,
    rejected: 0,
    devices: 1,
    first: { index: 0, pciBus: 2, hashrate: rate(1.2), accepted: 0, rejected: 0, power: watts(32), temperatureC: 54 },
  });
});

describe("XMRig's recorded answers, and those of its kin", () => {
  recorded("xmrig", ["xmrig/WildRigITest_0.json", ""], {
    algorithm: "wildkeccak",
    hashrate: 693.13,
    accepted: 3,
    rejected: 0,
    devices: 1,
    first: { index: 0, hashrate: rate(693.13) },
  });
  recorded("xmrig", ["xmrig/Xmrig5_11_1CpuMiningITest_0.json", "xmrig/Xmrig5_11_1CpuMiningITest_1.json"], {
    algorithm: "rx/0",
    hashrate: 445.81,
    accepted: 0,
    rejected: 0,
    devices: 5,
    first: { index: 0, hashrate: rate(227.97) },
  });
  recorded("xmrig", ["xmrig/XmrigNewITest_0.json", "xmrig/XmrigNewITest_1.json"], {
    algorithm: "rx/0",
    hashrate: 899.09,
    accepted: 0,
    rejected: 0,
    devices: 6,
  });
  recorded("xmrig", ["xmrig/XmrigOldAmdITest_0.json", ""], {
    algorithm: "cryptonight",
    hashrate: 232.1,
    accepted: 1849,
    rejected: 0,
    devices: 4,
  });
  recorded("xmrig", ["xmrig/XmrigOldNvidiaITest_0.json", ""], {
    algorithm: "cryptonight",
    hashrate: 3522.59,
    accepted: 4,
    rejected: 0,
    devices: 8,
    first: { index: 0, hashrate: rate(477.26), power: watts(93), temperatureC: 54 },
  });
  recorded("xmrig", ["xmrstak/XmrstakCpuITest_0.json", ""], {
    hashrate: 1789.1,
    accepted: 3807,
    rejected: 0,
    devices: 3,
  });
  recorded("xmrig", ["xmrstak/XmrstakGpuITest_0.json", ""], {
    hashrate: 376.8,
    accepted: 0,
    rejected: 1,
    devices: 5,
  });
});

describe("TeamRedMiner's recorded answers", () => {
  recorded("teamredminer", ["teamredminer/TeamRedMiner120sITest_0.json", "teamredminer/TeamRedMiner120sITest_1.json"], {
    algorithm: "cnv8",
    hashrate: 12_573,
    accepted: 371,
    rejected: 12,
    devices: 6,
    first: { index: 0, hashrate: rate(2107), accepted: 60, rejected: 2, invalid: 0, temperatureC: 61 },
  });
  recorded("teamredminer", ["teamredminer/TeamRedMinerHardwareErrorsITest_0.json"], {
    hashrate: 344.1,
    accepted: 13,
    rejected: 0,
    devices: 1,
    first: { index: 0, hashrate: rate(344.1), accepted: 13, rejected: 0, invalid: 1, temperatureC: 68 },
  });
  recorded("teamredminer", ["teamredminer/TeamRedMinerITest_0.json"], {
    hashrate: 344.1,
    accepted: 13,
    rejected: 0,
    devices: 1,
  });
  recorded(
    "teamredminer",
    ["teamredminer/TeamRedMiner_0_3_10_ITest_0.json", "teamredminer/TeamRedMiner_0_3_10_ITest_1.json"],
    { algorithm: "phi2", hashrate: 1_794_000, accepted: 9, rejected: 0, devices: 1 },
  );
});

describe("NBMiner's recorded answer", () => {
  recorded("nbminer", ["nbminer/NbminerITest_0.json"], {
    hashrate: 2989,
    accepted: 99,
    rejected: 1,
    devices: 2,
    first: { index: 0, hashrate: rate(1499), power: watts(182), temperatureC: 65 },
  });
});

describe("recorded answers in Claymore's format", () => {
  const eight = { hashrate: 235_321_000, accepted: 2, rejected: 0, devices: 8 };
  for (const file of [
    "claymore/ClaymoreEthITest_0.json",
    "claymore/TtminerITest_0.json",
    "nicehash/NiceHashMinerITest_0.json",
  ])
    recorded("claymore", [file], { ...eight, first: { index: 0, hashrate: rate(29_482_000), temperatureC: 60 } });
  recorded("claymore", ["claymore/ClaymoreEthNoTempsITest_0.json"], {
    hashrate: 160_715_000,
    accepted: 2,
    rejected: 0,
    devices: 2,
    first: { index: 0, hashrate: rate(77_582_000) },
  });
  recorded("claymore", ["claymore/ClaymoreEthPascITest_0.json"], {
    hashrate: 146_657_000,
    accepted: 2,
    rejected: 0,
    devices: 8,
  });
  recorded("claymore", ["claymore/ClaymoreXmrITest_0.json"], {
    hashrate: 339,
    accepted: 0,
    rejected: 0,
    devices: 1,
    first: { index: 0, hashrate: rate(339), temperatureC: 61 },
  });
  recorded("claymore", ["claymore/ClaymoreZecITest_0.json"], { hashrate: 128, accepted: 0, rejected: 0, devices: 1 });
  recorded("claymore", ["claymore/EthminerITest_0.json"], {
    hashrate: 87_221_000,
    accepted: 54,
    rejected: 0,
    devices: 6,
  });
  recorded("claymore", ["claymore/PhoenixITest_0.json"], {
    hashrate: 237_936_000,
    accepted: 1,
    rejected: 0,
    devices: 8,
  });
  recorded("claymore", ["claymore/ResponseTest_0.json"], { hashrate: 0, accepted: 0, rejected: 0, devices: 1 });
});

describe("recorded answers in ccminer's format", () => {
  recorded("ccminer", ["ccminer/CcMinerITest_0.txt", "ccminer/CcMinerITest_2.txt"], {
    algorithm: "x16r",
    hashrate: 1230,
    accepted: 0,
    rejected: 0,
    devices: 8,
    first: { index: 0, pciBus: 1, power: watts(185.125), temperatureC: 82 },
  });
  recorded("ccminer", ["ccminer/CcMinerYescryptITest_0.txt", "ccminer/CcMinerYescryptITest_2.txt"], {
    algorithm: "yescrypt",
    hashrate: 3370,
    accepted: 1,
    rejected: 0,
    devices: 1,
    first: { index: 0, pciBus: 1, temperatureC: 55 },
  });
  recorded("ccminer", ["ccminer/ZenemyITest_0.txt", "ccminer/ZenemyITest_2.txt"], {
    algorithm: "x16r",
    hashrate: 64_879_730,
    accepted: 0,
    rejected: 0,
    devices: 8,
  });
  recorded("ccminer", ["ccminer/ZjazzITest_0.txt", "ccminer/ZjazzITest_2.txt"], {
    algorithm: "bitcash",
    hashrate: 2_689_640,
    accepted: 25,
    rejected: 0,
    devices: 8,
    first: { index: 0, hashrate: rate(0), accepted: 2, rejected: 0 },
  });
  recorded("ccminer", ["cpuminer/CpuminerITest_0.txt", "cpuminer/CpuminerITest_1.txt"], {
    algorithm: "lyra2z",
    hashrate: 117_830,
    accepted: 0,
    rejected: 0,
    devices: 12,
    first: { index: 0, hashrate: rate(36_590) },
  });
  for (const file of ["CcMinerITest_1.txt", "CcMinerYescryptITest_1.txt", "ZenemyITest_1.txt", "ZjazzITest_1.txt"])
    testWith(recordedData(`${FOLDER}/ccminer/${file}`), `${file}, which tells of the pool, is no summary`, () => {
      const text = readRecorded(`${FOLDER}/ccminer/${file}`);
      expect(() => MINER_PROGRAMS.ccminer.parse([text, ""])).toThrow(/the miner's (ALGO|KHS): missing/);
    });
});
