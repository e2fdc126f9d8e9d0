import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import { type Requirement, testWith } from "../../support/requirement.ts";

const ADDRESS = "10.99.99.99";

const namespace: Requirement = {
  name: "a network namespace of one's own",
  mend: "run as root, with iproute2 and util-linux installed",
  expectedInCi: false,
  present: () => spawnSync("unshare", ["--net", "ip", "link", "set", "lo", "up"]).status === 0,
};

testWith(namespace, "a pool that vanishes while no share is under way is left within 10 s", async () => {
  const setUp = `ip link set lo up && ip address add ${ADDRESS}/32 dev lo`;
  const run = `${setUp} && exec "$0" test/support/children/vanish.ts ${ADDRESS}`;
  const { stdout } = await promisify(execFile)("unshare", ["--net", "sh", "-c", run, process.execPath]);
  const { extranonce, ms } = JSON.parse(stdout) as { readonly extranonce: string; readonly ms: number };
  expect(extranonce).toBe("bbbb");
  expect(ms).toBeLessThan(10_000);
});
