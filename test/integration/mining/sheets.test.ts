import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { openSheets, proxiesOf, reachedAt } from "../../../src/mining/sheets.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const IMAGE = `sha256:${"0".repeat(64)}`;
const contained = { image: IMAGE, miner: { program: "lolminer" } };
const sheet = (name: string, fields: object = {}) => ({
  ...{ name, coin: `${name}-coin`, algorithm: "kawpow", ...contained },
  ...{ pools: [{ url: "stratum+tcp://127.0.0.1:1" }], ...fields },
});
const config = parseConfig(
  {
    version: 1,
    workloads: { docker: { images: [IMAGE] } },
    mining: {
      sheets: [
        sheet("alpha"),
        sheet("beta", {
          algorithm: "etchash",
          dual: { coin: "second", algorithm: "alephium", pools: [{ url: "stratum+tcp://127.0.0.1:1" }] },
        }),
        sheet("gamma", { image: undefined, miner: { program: "t-rex", file: "/opt/t-rex" } }),
        sheet("delta"),
      ].map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined))),
    },
  },
  "rig.yaml",
  "/",
);

test("each coin of each flight sheet has a port of its own at the miners' bridge, and keeps it in whatever order the sheets come", async () => {
  await using stack = new AsyncDisposableStack();
  const open = await openSheets(config, { clock: systemClock, logger: silentLogger, stack, onShare: () => {} });
  using directory = new TemporaryDirectory();
  const file = join(directory.path, "miner-ports.json");
  const ways = { proxies: proxiesOf(open, file), bridge: { host: "10.82.71.1", port: 3433 } };
  const reached = open.map(({ sheet: of, proxy, dual }) => [
    reachedAt(of, proxy, ways),
    ...(dual === undefined ? [] : [reachedAt(of, dual.proxy, ways)]),
  ]);
  const at = (port: number, dialect: string) => ({ host: "10.82.71.1", port, dialect });
  expect(reached).toEqual([
    [at(3433, "kawpow")],
    [at(3434, "ethereum-stratum"), at(3435, "alephium")],
    // A native program is on this machine; its proxy keeps its place at the bridge all the same.
    [{ host: "127.0.0.1", port: open[2]?.proxy.port, dialect: "kawpow" }],
    [at(3437, "kawpow")],
  ]);
  const [alpha, beta, gamma, delta] = open;
  if (!(alpha && beta && gamma && delta)) throw new Error("four sheets are open");
  const proxies = proxiesOf([delta, beta], file);
  expect(proxies).toEqual([undefined, beta.proxy, beta.dual?.proxy, undefined, delta.proxy]);
  expect(reachedAt(delta.sheet, delta.proxy, { ...ways, proxies })).toEqual(at(3437, "kawpow"));
  const other = { ...delta, sheet: { ...delta.sheet, coin: "another" } };
  expect(proxiesOf([other], file), "a container that mines the coin of before does not reach it").toHaveLength(6);
});
