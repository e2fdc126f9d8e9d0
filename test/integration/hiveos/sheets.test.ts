import { afterAll, beforeAll, describe, expect } from "vitest";
import { parse } from "yaml";
import { testWith } from "../../support/requirement.ts";
import { HiveRig, hiveMachine } from "./harness.ts";

const HIVE = { CUSTOM_URL: "pool.example.org:3333", CUSTOM_TEMPLATE: "wallet.worker", CUSTOM_ALGO: "sha256d" };
const CONFIG = ". ./h-config.sh";

let rig: HiveRig;
beforeAll(() => {
  if (hiveMachine.present()) rig = new HiveRig();
});
afterAll(() => rig?.[Symbol.dispose]());

describe("an extra config", () => {
  testWith(hiveMachine, "with sheets of its own gives its pool to those that name none", async () => {
    const file = rig.write("miners/rigel/1.9/rigel", "");
    const kaspa = `algorithm: kheavyhash, pools: [{ url: "stratum+tcp://b:1" }], miner: { program: rigel, file: ${file.replace("1.9", "*")} }`;
    const extra = `mining: { sheets: [{ name: a, coin: a }, { name: b, coin: b, ${kaspa} }] }`;
    expect(await rig.run(CONFIG, { ...HIVE, CUSTOM_USER_CONFIG: extra })).toMatchObject({ code: 0 });
    const pools = [{ url: "stratum+tcp://pool.example.org:3333", user: "wallet.worker" }];
    const b = { name: "b", coin: "b", algorithm: "kheavyhash", pools: [{ url: "stratum+tcp://b:1" }] };
    expect(parse(rig.read("home/hiveos/rig.yaml")).mining).toEqual({
      sheets: [
        { name: "a", coin: "a", algorithm: "sha256d", pools },
        { ...b, miner: { program: "rigel", file } },
      ],
    });
  });
});
