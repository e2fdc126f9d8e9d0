import { describe, expect, test } from "vitest";
import {
  buildCoinbase,
  doubleSha256,
  fromDisplayHash,
  merkleBranches,
  merkleRootOf,
  type NotifyFields,
  rebuildHeader,
  rolledVersion,
  rootFromBranches,
  swapWords,
  toDisplayHash,
  writeHeader,
} from "../../../../src/mining/reference/header.ts";
import { hashHeader } from "../../../../src/mining/reference/sha256d.ts";
import { toHashDifficulty } from "../../../../src/mining/reference/target.ts";
import { readRecorded, recordedData } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const GENESIS_COINBASE =
  "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000";

/** Published blocks of the Bitcoin chain. */
const BLOCKS = [
  {
    height: 0,
    hash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    prev: "0".repeat(64),
    root: "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
    ntime: 1231006505,
    bits: 0x1d00ffff,
    nonce: 2083236893,
    txids: ["4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"],
  },
  {
    height: 170,
    hash: "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee",
    prev: "000000002a22cfee1f2c846adbd12b3e183d4f97683f85dad08a79780a84bd55",
    root: "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff",
    ntime: 1231731025,
    bits: 0x1d00ffff,
    nonce: 1889418792,
    txids: [
      "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082",
      "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",
    ],
  },
  {
    height: 100_000,
    hash: "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506",
    prev: "000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250",
    root: "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766",
    ntime: 1293623863,
    bits: 0x1b04864c,
    nonce: 274148111,
    txids: [
      "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
      "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
      "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
      "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
    ],
  },
] as const;

for (const block of BLOCKS) {
  describe(`Bitcoin block ${block.height}`, () => {
    const hashes = block.txids.map(fromDisplayHash);

    test("its header, written from its fields, has the published hash", () => {
      const header = writeHeader({
        version: 1,
        prevHash: fromDisplayHash(block.prev),
        merkleRoot: fromDisplayHash(block.root),
        ntime: block.ntime,
        bits: block.bits,
        nonce: block.nonce,
      });
      expect(toDisplayHash(hashHeader(header))).toBe(block.hash);
    });

    test("its transactions give the published merkle root", () => {
      expect(toDisplayHash(merkleRootOf(hashes))).toBe(block.root);
    });

    test("its coinbase and the branches of the others give the same root", () => {
      const [coinbase, ...others] = hashes;
      const branches = merkleBranches(others).map((branch) => branch.toString("hex"));
      expect(toDisplayHash(rootFromBranches(coinbase ?? Buffer.alloc(32), branches))).toBe(block.root);
    });
  });
}

test("the genesis coinbase hashes to its published id", () => {
  expect(toDisplayHash(doubleSha256(Buffer.from(GENESIS_COINBASE, "hex")))).toBe(BLOCKS[0].root);
});

describe("merkle branches", () => {
  for (let count = 0; count <= 17; count++)
    test(`of ${count} transactions beside the coinbase lead to the root over all of them`, () => {
      const all = Array.from({ length: count + 1 }, (_, i) => doubleSha256(Buffer.from([i])));
      const [coinbase, ...others] = all;
      const branches = merkleBranches(others).map((branch) => branch.toString("hex"));
      expect(branches).toHaveLength(Math.ceil(Math.log2(count + 1)));
      expect(rootFromBranches(coinbase ?? Buffer.alloc(32), branches)).toEqual(merkleRootOf(all));
    });
});

describe("a job as Stratum sends it", () => {
  // Bitcoin's genesis block, cut up as a pool would have sent it.
  const scriptEnd = GENESIS_COINBASE.indexOf("5468652054696d6573");
  const job: NotifyFields = {
    id: "1",
    prevHash: "0".repeat(64),
    coinb1: GENESIS_COINBASE.slice(0, scriptEnd),
    coinb2: GENESIS_COINBASE.slice(scriptEnd + 16),
    branches: [],
    version: "00000001",
    nbits: "1d00ffff",
    ntime: "495fab29",
    cleanJobs: true,
  };
  const submit = { job: "1", extranonce2: "54696d65", ntime: "495fab29", nonce: "7c2bac1d" };

  test("is put together with both extranonces in its gap", () => {
    expect(buildCoinbase(job, "54686520", "54696d65").toString("hex")).toBe(GENESIS_COINBASE);
  });

  test("rebuilds the header of the genesis block from a submitted share", () => {
    const header = rebuildHeader(job, "54686520", submit);
    expect(toDisplayHash(hashHeader(header))).toBe(BLOCKS[0].hash);
  });

  test("gives another header for another extranonce1", () => {
    const header = rebuildHeader(job, "54686521", submit);
    expect(toDisplayHash(hashHeader(header))).not.toBe(BLOCKS[0].hash);
  });

  test("takes only the masked bits of a rolled version from the share", () => {
    const rolled = { ...submit, versionBits: "1fffffff" };
    expect(rolledVersion({ ...job, version: "20000004" }, rolled, 0x1fffe000)).toBe(0x3fffe004);
    expect(rolledVersion({ ...job, version: "20000004" }, rolled, 0)).toBe(0x20000004);
    expect(rolledVersion({ ...job, version: "e0000000" }, submit, 0x1fffe000)).toBe(0xe0000000);
  });

  test("swaps the words of the previous hash, and swapping twice changes nothing", () => {
    const bytes = Buffer.from("0102030405060708", "hex");
    expect(swapWords(bytes).toString("hex")).toBe("0403020108070605");
    expect(swapWords(swapWords(bytes))).toEqual(bytes);
    expect(bytes.toString("hex"), "the argument is left alone").toBe("0102030405060708");
  });
});

interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

describe("recorded vectors", () => {
  const folder = "07-stratum-and-miner-api/stratum-v1";

  testWith(recordedData(`${folder}/espminer_vectors.json`), "the merkle roots of a real miner's tests come out", () => {
    const vectors = JSON.parse(readRecorded(`${folder}/espminer_vectors.json`)) as Vector[];
    const roots = vectors.filter(({ kind }) => kind === "merkle_root");
    expect(roots.length).toBeGreaterThan(0);
    for (const { coinbase, branches, expect_merkle_root_header_order: wanted } of roots) {
      const root = rootFromBranches(doubleSha256(Buffer.from(String(coinbase), "hex")), branches as string[]);
      expect(root.toString("hex")).toBe(wanted);
    }
  });

  testWith(
    recordedData(`${folder}/espminer_vectors.json`),
    "a real share has the difficulty that its miner saw",
    () => {
      const vectors = JSON.parse(readRecorded(`${folder}/espminer_vectors.json`)) as Vector[];
      const shares = vectors.filter(({ kind }) => kind === "share_difficulty");
      expect(shares.length).toBeGreaterThan(0);
      for (const vector of shares) {
        const header = writeHeader({
          version: Number(vector.version),
          prevHash: swapWords(Buffer.from(String(vector.prevhash_notify_order), "hex")),
          merkleRoot: Buffer.from(String(vector.merkle_root_header_order), "hex"),
          ntime: Number(vector.ntime),
          bits: Number(vector.nbits),
          nonce: Number(vector.nonce),
        });
        expect(header.toString("hex")).toBe(vector.header_hex);
        expect(toHashDifficulty(hashHeader(header))).toBeCloseTo(Number(vector.difficulty), 9);
      }
    },
  );
});
