import { expect, test } from "vitest";
import { runCheck } from "../../../src/lib/check.ts";
import { minerChecks } from "../../../src/mining/miners/checks.ts";
import { seconds } from "../../../src/units/time.ts";
import { flightSheet } from "../../support/flight-sheet.ts";

const NEVER = new AbortController().signal;
const file = process.execPath;
const etchash = { coin: "etc", algorithm: "etchash" };
const login = "wallet.{rig}-{gpu}";
const poolOf = (host: string, fields: object = {}) => ({ url: `stratum+tcp://${host}:3333`, user: login, ...fields });

/** The lines that doctor has for one flight sheet, by what they are of. */
async function look(fields: Readonly<Record<string, unknown>>, env = {}) {
  const checks = minerChecks([flightSheet({ ...etchash, pools: [poolOf("a.example")], ...fields })], {
    rig: "attic",
    env,
  });
  const checked = await Promise.all(checks.map((one) => runCheck(one, NEVER, seconds(20))));
  return Object.fromEntries(checked.map(({ name, ...result }) => [name, result]));
}

test("a miner program is fine where it can be run, and fails with what to change where it cannot", async () => {
  expect(await look({ miner: { program: "t-rex", file } })).toEqual({
    "miner t-rex of etc": { level: "ok", found: file },
  });
  expect(await look({ miner: { program: "t-rex", file: "/nowhere/t-rex" } })).toEqual({
    "miner t-rex of etc": {
      level: "fail",
      found: "the miner t-rex at /nowhere/t-rex cannot be run: there is no such file",
      mend: "name an executable file in mining.miner.file",
    },
  });
});

test("Rigshift's own miner and one in a container have nothing to look at here", async () => {
  expect(await look({ coin: "devcoin", algorithm: "sha256d" })).toEqual({});
  const native = flightSheet({ ...etchash, pools: [poolOf("a.example")], miner: { program: "gminer", file } });
  const contained = { ...native, image: `sha256:${"0".repeat(64)}` };
  expect(minerChecks([contained], { rig: "attic", env: {} })).toEqual([]);
  expect(minerChecks([], { rig: "attic", env: {} })).toEqual([]);
});

test("a program of several flight sheets is looked at once, and all of them are named", () => {
  const rigel = { ...etchash, pools: [poolOf("a.example")], miner: { program: "rigel", file } };
  const sheet = (name: string) => ({ ...flightSheet(rigel), name });
  expect(minerChecks([sheet("alpha"), sheet("beta")], { rig: "attic", env: {} }).map(({ name }) => name)).toEqual([
    "miner rigel of alpha, beta",
  ]);
});

test.each(["gminer", "srbminer"])("%s is said to answer on every address of the machine", async (program) => {
  expect((await look({ miner: { program, file } }))[`API of ${program} of etc`]).toMatchObject({
    level: "warn",
    found: expect.stringContaining("every address"),
    mend: expect.stringContaining("mining.image"),
  });
});

test("pools with one login are all told to BzMiner; one with another login is named with the reason", async () => {
  const miner = { program: "bzminer", file };
  const name = "pools behind bzminer of etc";
  expect((await look({ miner, pools: [poolOf("a.example"), poolOf("b.example")] }))[name]).toEqual({
    level: "ok",
    found: "told of 2 after the proxy",
  });
  const mixed = await look({ miner, pools: [poolOf("a.example"), poolOf("b.example", { user: "mail/{gpu}" })] });
  expect(mixed[name]).toMatchObject({
    level: "warn",
    found:
      "when the agent is dead it does not hash for stratum+tcp://b.example:3333, because it has one login for all its pools",
    mend: expect.stringContaining("user and password"),
  });
});

test("a login that all GPUs share keeps BzMiner from the pools, but not on a rig of one GPU", async () => {
  const fields = { miner: { program: "bzminer", file }, pools: [poolOf("a.example", { user: "wallet" })] };
  const name = "pools behind bzminer of etc";
  expect((await look(fields))[name]).toMatchObject({ level: "warn", mend: expect.stringContaining("{gpu}") });
  expect((await look({ ...fields, gpus: ["GPU-a"] }))[name]).toMatchObject({ level: "ok" });
});

test("a login that SRBMiner would take apart is named, without its password", async () => {
  const miner = { program: "srbminer", file };
  const name = "pools behind srbminer of etc";
  const odd = await look({ miner, pools: [poolOf("a.example", { user: "mail,{gpu}" })] });
  expect(odd[name]).toMatchObject({ level: "warn", found: expect.stringMatching(/a\.example:3333, because .* comma/) });
  const hidden = { ...poolOf("a.example"), password: { env: "POOL_PASSWORD" } };
  const secret = (await look({ miner, pools: [hidden] }, { POOL_PASSWORD: "hush#" }))[name];
  expect(secret).toMatchObject({ level: "warn" });
  expect(JSON.stringify(secret)).not.toContain("hush");
  expect((await look({ miner, pools: [hidden] }, { POOL_PASSWORD: "a;b!c" }))[name]).toMatchObject({ level: "ok" });
});
