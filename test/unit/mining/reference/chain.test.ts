import { describe, expect, test } from "vitest";
import { blockName, Chain } from "../../../../src/mining/reference/chain.ts";
import { doubleSha256, merkleRootOf, writeHeader } from "../../../../src/mining/reference/header.ts";
import { HeaderScanner } from "../../../../src/mining/reference/sha256d.ts";
import { meetsBits, toBlockDifficulty } from "../../../../src/mining/reference/target.ts";
import { coinbaseHalves, heightPush } from "../../../../src/mining/reference/transactions.ts";
import { unixMs } from "../../../../src/units/time.ts";

const START = unixMs(1_760_000_000_000);
const at = (seconds: number) => unixMs(START + seconds * 1000);

/** A chain whose difficulty has sunk so far that a test can mine it at once. */
const easyTime = (seconds: number) => at(12_000 + seconds);

interface Draft {
  readonly header: Buffer;
  readonly transactions: Buffer[];
}

/** A valid next block, built and mined as a miner would. */
function mineBlock(chain: Chain, now = easyTime(0), change: Partial<Parameters<typeof writeHeader>[0]> = {}): Draft {
  const template = chain.template(now);
  const { before, after } = coinbaseHalves(template.height, 8);
  const coinbase = Buffer.concat([before, Buffer.alloc(8, 9), after]);
  const transactions = [coinbase, ...template.others.map((one) => Buffer.from(one))];
  const fields = {
    version: template.version,
    prevHash: template.prevHash,
    merkleRoot: merkleRootOf(transactions.map(doubleSha256)),
    ntime: template.ntime,
    bits: template.bits,
    nonce: 0,
    ...change,
  };
  const scanner = new HeaderScanner(writeHeader(fields));
  let nonce = 0;
  while (!meetsBits(scanner.hash(nonce), fields.bits)) nonce++;
  return { header: writeHeader({ ...fields, nonce }), transactions };
}

describe("a new chain", () => {
  const chain = new Chain(START);

  test("begins with a genesis block that meets its own target", () => {
    expect(chain.height).toBe(0);
    expect(meetsBits(chain.tip.hash, chain.tip.bits)).toBe(true);
    expect(blockName(chain.tip)).toMatch(/^[0-9a-f]{64}$/);
  });

  test("offers work on its tip, with the time of now", () => {
    const template = chain.template(at(5));
    expect(template).toMatchObject({ height: 1, prevHash: chain.tip.hash, ntime: START / 1000 + 5 });
    expect(template.others.length).toBeGreaterThan(0);
    expect(toBlockDifficulty(template.bits)).toBeCloseTo(0.01, 4);
  });

  test("never offers a time that is not later than the tip, even when the clock was set back", () => {
    expect(chain.template(at(-5000)).ntime).toBe(chain.tip.ntime + 1);
  });
});

describe("difficulty", () => {
  test("halves for every five minutes without a block, so that a slow machine finds one too", () => {
    const chain = new Chain(START);
    const difficulties = [0, 299, 300, 600, 1200].map((s) => toBlockDifficulty(chain.bitsAt(START / 1000 + s)));
    for (const [i, factor] of [1, 1, 2, 4, 16].entries()) expect(difficulties[i]).toBeCloseTo(0.01 / factor, 5);
  });

  test("rises by at most four times when blocks come too quickly", () => {
    const chain = new Chain(START);
    const { header, transactions } = mineBlock(chain);
    const block = chain.append(header, transactions, easyTime(0));
    const next = mineBlock(chain, easyTime(1));
    chain.append(next.header, next.transactions, easyTime(1));
    const ratio = toBlockDifficulty(chain.bitsAt(chain.tip.ntime + 1)) / toBlockDifficulty(block.bits);
    expect(ratio).toBeLessThanOrEqual(4.01);
    expect(ratio).toBeGreaterThan(0);
  });
});

describe("append", () => {
  test("extends the chain by a block that obeys every rule", () => {
    const chain = new Chain(START);
    const { header, transactions } = mineBlock(chain);
    const block = chain.append(header, transactions, easyTime(0));
    expect(chain.tip).toBe(block);
    expect(block).toMatchObject({ height: 1, transactions });
    expect(chain.template(easyTime(1)).prevHash).toEqual(block.hash);
  });

  const broken = [
    ["the wrong parent", { prevHash: Buffer.alloc(32, 1) }, /does not build on the tip/],
    ["a time that is not later", { ntime: START / 1000 }, /is not later than the tip/],
    ["a time far in the future", { ntime: START / 1000 + 30_000 }, /lies in the future/],
    ["an easier target than due", { bits: 0x207fffff }, /has the wrong target/],
    ["a merkle root of other transactions", { merkleRoot: Buffer.alloc(32, 1) }, /does not commit to its transactions/],
  ] as const;
  for (const [title, change, reason] of broken)
    test(`refuses a block with ${title}, and stays as it was`, () => {
      const chain = new Chain(START);
      const { header, transactions } = mineBlock(chain, easyTime(0), change);
      expect(() => chain.append(header, transactions, easyTime(0))).toThrow(reason);
      expect(chain.height).toBe(0);
    });

  test("refuses a block whose hash misses the target", () => {
    const chain = new Chain(START);
    const { header, transactions } = mineBlock(chain);
    const scanner = new HeaderScanner(header);
    const bits = header.readUInt32LE(72);
    let nonce = 0;
    while (meetsBits(scanner.hash(nonce), bits)) nonce++;
    header.writeUInt32LE(nonce, 76);
    expect(() => chain.append(header, transactions, easyTime(0))).toThrow(/does not meet its target/);
  });

  test("refuses a block whose coinbase carries another height", () => {
    const chain = new Chain(START);
    const template = chain.template(easyTime(0));
    const { before, after } = coinbaseHalves(7, 8);
    const coinbase = Buffer.concat([before, Buffer.alloc(8), after]);
    const transactions = [coinbase, ...template.others.map((one) => Buffer.from(one))];
    const merkleRoot = merkleRootOf(transactions.map(doubleSha256));
    const { header } = mineBlock(chain, easyTime(0), { merkleRoot });
    expect(() => chain.append(header, transactions, easyTime(0))).toThrow(/does not carry its height/);
  });

  test("keeps no more than the last 500 blocks", () => {
    const chain = new Chain(START);
    for (let i = 0; i < 510; i++) {
      // Blocks two hours apart keep the difficulty at its floor.
      const now = easyTime(7000 * i);
      const { header, transactions } = mineBlock(chain, now);
      chain.append(header, transactions, now);
    }
    expect(chain.height).toBe(510);
    expect(chain.blocks).toHaveLength(500);
  });
});

describe("the height in the coinbase", () => {
  const heights = [
    [0, "00"],
    [1, "51"],
    [16, "60"],
    [17, "0111"],
    [127, "017f"],
    [128, "028000"],
    [255, "02ff00"],
    [256, "020001"],
    [32768, "03008000"],
    [500_000, "0320a107"],
  ] as const;
  for (const [height, script] of heights)
    test(`${height} is pushed as ${script}`, () => {
      expect(heightPush(height).toString("hex")).toBe(script);
    });
});
