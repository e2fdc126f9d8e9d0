import { expect, test } from "vitest";
import { mmposSchema, toMmposView } from "../../../src/api/mmpos.ts";
import { hashrate } from "../../../src/units/work.ts";

test("mmpOS is told every device, with accepted, invalid and rejected in its own order", () => {
  const view = toMmposView({
    version: "0.1.0",
    uptimeS: 61,
    devices: [
      {
        workload: "hashing",
        state: "open",
        shares: { accepted: 3, rejected: 2, invalid: 1 },
        hashrate: hashrate(2e12),
      },
      { workload: "inference", state: "open", shares: { accepted: 2, rejected: 0, invalid: 0 }, pciBus: 193 },
    ],
  });
  expect(view).toEqual({
    busid: ["cpu", 193],
    hash: [2, 0],
    units: "ths",
    air: ["5", "1", "2"],
    shares: { accepted: [3, 2], rejected: [2, 0], invalid: [1, 0] },
    miner_name: "rigshift",
    miner_version: "0.1.0",
  });
  expect(mmposSchema.safeParse(view).success).toBe(true);
});
