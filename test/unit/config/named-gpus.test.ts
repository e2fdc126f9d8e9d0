import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { namesGpus, strangersIn } from "../../../src/config/named-gpus.ts";

const HERE = [
  { uuid: "GPU-a", name: "RTX 3090" },
  { uuid: "GPU-b", name: "RTX 4090" },
];
const parse = (config: object) => parseConfig({ version: 1, ...config }, "rig.yaml", "/rig");
const POOLS = [{ url: "devpool", user: "me" }];
const BUSY = { command: ["/bin/true"] };

const places: readonly (readonly [string, object])[] = [
  ["mining.gpus", { mining: { pools: POOLS, gpus: ["GPU-b", "GPU-x"] } }],
  [
    "mining.sheets[1].gpus",
    {
      mining: {
        sheets: [
          { name: "one", coin: "a", algorithm: "sha256d", pools: POOLS, gpus: ["GPU-a"] },
          { name: "two", coin: "a", algorithm: "sha256d", pools: POOLS, gpus: ["GPU-x"] },
        ],
      },
    },
  ],
  ["power.budget.supplies[0].gpus", { power: { budget: { supplies: [{ name: "p", maxW: 500, gpus: ["GPU-x"] }] } } }],
  ["power.profiles[1].gpu", { power: { profiles: [{ role: "hashing" }, { gpu: "GPU-x", role: "serving" }] } }],
  ["power.cards[0].gpu", { power: { cards: [{ gpu: "GPU-x" }] } }],
  ["external[0].gpus", { external: [{ name: "v", gpus: ["GPU-x"], busy: BUSY, usdPerHour: 1 }] }],
];

describe("GPUs that rig.yaml names", () => {
  test.each(places)("and the rig does not have are told with their place: %s", (path, config) => {
    expect(namesGpus(parse(config))).toBe(true);
    expect(strangersIn(parse(config), HERE)).toEqual([
      {
        name: path,
        found: "this rig has no GPU GPU-x",
        mend: "unless the card is only out for now, name one that is here: GPU-a (RTX 3090), GPU-b (RTX 4090)",
      },
    ]);
  });

  test("and the rig has are no matter, and neither is a file that names none", () => {
    expect(strangersIn(parse({ mining: { pools: POOLS, gpus: ["GPU-b"] } }), HERE)).toEqual([]);
    expect(namesGpus(parse({ mining: { pools: POOLS } }))).toBe(false);
  });

  test("of a rig without any are all strange", () => {
    expect(strangersIn(parse({ mining: { pools: POOLS, gpus: ["GPU-x"] } }), [])).toMatchObject([
      { mend: expect.stringMatching(/here: none$/) },
    ]);
  });
});
