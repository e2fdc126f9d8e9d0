import { createHash } from "node:crypto";
import { chmodSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLedger } from "../../../src/ledger/open.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { watts } from "../../../src/units/energy.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { place, type Ran, runIn } from "./harness.ts";

let directory: TemporaryDirectory;
let servers: Server[];
beforeEach(() => {
  directory = new TemporaryDirectory();
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  directory[Symbol.dispose]();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
const doctor = (yaml: string, ...more: string[]): Promise<Ran> =>
  runIn(directory.path, ["doctor", "--config", directory.write("rig.yaml", yaml), ...more]);
const ANY_PORT = 'version: 1\nhttp: { listen: "127.0.0.1:0" }\ngpus: { source: cpu }\n';

interface Answer {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly level: string;
    readonly found: string;
    readonly mend: string | null;
  }[];
}
const lineOf = ({ out }: Ran, name: string) => (JSON.parse(out) as Answer).checks.find((one) => one.name === name);

describe("rigshift doctor", () => {
  test("lists what it looked at, one line each, and makes nothing", async () => {
    const { code, out, err } = await doctor(ANY_PORT);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const names = [
      "configuration",
      "data directory",
      "disk space",
      "ledger",
      "clock",
      "processor energy",
      "wall meter",
      "pools",
      "port",
    ];
    for (const name of names) expect(out).toMatch(new RegExp(`^(ok  |warn)  ${name} +\\S`, "m"));
    expect((await runIn(directory.path, ["ledger", "verify", "--data-dir", directory.path])).code).toBe(1);
  });

  test("warns of GPUs that rig.yaml names and the rig does not have, with those that it has", async () => {
    const yaml = `${ANY_PORT}mining: { gpus: [GPU-1234], pools: [{ url: devpool, user: me }] }\n`;
    expect(lineOf(await doctor(yaml, "--json"), "GPUs in rig.yaml")).toMatchObject({
      level: "warn",
      found: "mining.gpus: this rig has no GPU GPU-1234",
      mend: expect.stringMatching(/name one that is here: CPU-\S+ \(.+\)$/),
    });
    expect(lineOf(await doctor(ANY_PORT, "--json"), "GPUs in rig.yaml")).toBeUndefined();
  });

  test("answers with stable keys in JSON", async () => {
    const ran = await doctor(ANY_PORT, "--json");
    const answer = JSON.parse(ran.out) as Answer;
    expect(answer.ok).toBe(true);
    for (const check of answer.checks) {
      expect(Object.keys(check)).toEqual(["name", "level", "found", "mend"]);
      expect(["ok", "warn"]).toContain(check.level);
    }
    expect(lineOf(ran, "configuration")).toMatchObject({
      found: expect.stringMatching(/rig\.yaml, mode observe at start$/),
    });
  });

  test("exits with 1 and names the mend when something will not work", async () => {
    const gone = createServer();
    const port = await listening(gone);
    const taken = await doctor(ANY_PORT.replace(":0", `:${port}`));
    expect(taken.code).toBe(1);
    expect(taken.out).toMatch(
      new RegExp(`^fail  port +something else listens on 127\\.0\\.0\\.1:${port}\\n +→ end what`, "m"),
    );
    expect(taken.err).toBe(
      "rigshift: 1 check failed (ERR_DOCTOR): do what stands below each line marked fail, then run it again\n",
    );
  });

  test("says what is wrong with a configuration, and still looks at the machine", async () => {
    const ran = await doctor("version: 1\nmood: good\n", "--json");
    expect(ran.code).toBe(1);
    expect(lineOf(ran, "configuration")).toMatchObject({
      level: "fail",
      found: expect.stringContaining("mood"),
      mend: expect.stringContaining("rig.example.yaml"),
    });
    expect(lineOf(ran, "NVIDIA driver")).toBeDefined();
    expect(lineOf(ran, "port")).toBeUndefined();
  });

  test("misses a password that cannot be read", async () => {
    const pool = `mining: { pools: [{ url: devpool, user: me, password: { file: secret } }] }\n`;
    expect(lineOf(await doctor(ANY_PORT + pool, "--json"), "configuration")).toMatchObject({
      level: "fail",
      found: expect.stringMatching(/secret .* cannot be read/),
    });
  });

  test("reads the wall meter, and says how one that answers HTML is mended", async () => {
    let body = '{"w":412.5,"kwh":3.25}';
    const port = await listening(createHttpServer((_request, response) => void response.end(body)));
    const yaml = `${ANY_PORT}power: { wall: { meter: { kind: http-json, url: "http://127.0.0.1:${port}/", power: /w, totalKwh: /kwh } } }\n`;
    expect(lineOf(await doctor(yaml, "--json"), "wall meter")).toMatchObject({
      level: "ok",
      found: "http-json tells 412.5 W, 3.3 kWh in all",
    });
    body = "<!doctype html><title>Log in</title>";
    const ran = await doctor(yaml, "--json");
    expect(ran.code).toBe(1);
    expect(lineOf(ran, "wall meter")).toMatchObject({
      level: "fail",
      mend: expect.stringContaining("power.wall.meter"),
    });
  });

  test("knows the agent that answers on the port", async () => {
    await using there = await place();
    const { out } = await there.run("doctor", "--data-dir", there.dataDir, "--json");
    expect((JSON.parse(out) as Answer).checks.find(({ name }) => name === "port")).toMatchObject({
      level: "ok",
      found: `the agent answers on ${there.url}`,
    });
  });

  test("takes the configuration of the agent that answers where none is named", async () => {
    const yaml = directory.write("rig.yaml", `${ANY_PORT}electricity: { usdPerKwh: 4.5 }\n`);
    await using there = await place(undefined, { config: yaml });
    const ran = await there.run("doctor", "--data-dir", there.dataDir, "--json");
    expect(lineOf(ran, "configuration")?.found).toBe(
      `${yaml}, as the agent that answers was started with, mode observe at start`,
    );
    expect(lineOf(ran, "electricity")).toMatchObject({ level: "warn" });
    expect(lineOf(ran, "port")?.found).toBe(`the agent answers on ${there.url}`);
    const dead = await place({ "/healthz": { status: "ok", instance: "another" } }, { config: yaml });
    await using _ = dead;
    expect(lineOf(await dead.run("doctor", "--data-dir", dead.dataDir, "--json"), "configuration")?.found).toBe(
      "no file named: the embedded try-out",
    );
  });

  test("calls the settings of the agent that answers no trace of an earlier one", async () => {
    const yaml = `${ANY_PORT}power: { profiles: [{ role: hashing, powerLimitW: 220 }] }\n`;
    await using there = await place(undefined, { config: directory.write("rig.yaml", yaml) });
    const { gpus } = JSON.parse((await there.run("gpus", "--json")).out) as { gpus: readonly { uuid: GpuUuid }[] };
    const ledger = openLedger(there.dataDir, { clock: systemClock, logger: silentLogger });
    for (const { uuid } of gpus) ledger.foundSettings.remember(uuid, { powerLimit: watts(350) });
    ledger.close();
    expect(lineOf(await there.run("doctor", "--data-dir", there.dataDir, "--json"), "settings of GPUs")).toMatchObject({
      level: "ok",
      found: expect.stringContaining("set for their work on CPU-"),
    });
  });

  test("looks at every file of prices and payouts that is named, whether something mines or not", async () => {
    directory.write("payouts.csv", "from,to\n");
    directory.write("rates.json", "{}");
    const ran = await doctor(
      `${ANY_PORT}market: { file: nothere.json, payouts: payouts.csv, currencies: [{ currency: EUR, file: rates.json, price: /usd }] }
electricity: { series: [{ shape: awattar, file: no-rates.json }] }
`,
      "--json",
    );
    expect(ran.code).toBe(1);
    expect(lineOf(ran, "market file")).toMatchObject({
      level: "fail",
      mend: expect.stringMatching(/with market\.file/),
    });
    expect(lineOf(ran, "market.payouts")).toMatchObject({
      level: "fail",
      found: expect.stringMatching(/line 1: wanted/),
    });
    expect(lineOf(ran, "market.currencies[0].file")).toMatchObject({ level: "ok" });
    expect(lineOf(ran, "electricity.series[0].file")).toMatchObject({
      level: "fail",
      mend: "name a readable file with electricity.series[0].file",
    });
  });

  test("does not take what listens where an agent once did for the agent", async () => {
    await using there = await place({ "/healthz": { status: "ok", instance: "another" } });
    const { out } = await there.run("doctor", "--data-dir", there.dataDir, "--json");
    expect((JSON.parse(out) as Answer).checks.find(({ name }) => name === "port")?.found).not.toContain(
      "the agent answers",
    );
  });

  test("fails for each file without which the rig cannot start, and names its mend", async () => {
    const image = `example.org/engine@sha256:${"0".repeat(64)}`;
    const ran = await doctor(
      `version: 1
http: { listen: "127.0.0.1:0", customerKeysFile: no-keys, tls: { certFile: no.pem, keyFile: no.key } }
gpus: { source: cpu }
market: { file: no-market.json }
mining: { pools: [{ url: devpool }], miner: { program: lolminer, file: /nonexist/lolMiner } }
inference: { engine: { kind: builtin, modelFile: no.gguf } }
workloads: { docker: { host: "unix:///nonexist/docker.sock", images: ["${image}"] } }
`,
      "--json",
    );
    expect(ran.code).toBe(1);
    const mends = {
      "market file": /with market\.file/,
      model: /set inference\.engine\.modelFile/,
      "customer keys": /no-keys a file that this user can read/,
      "http.tls": /no\.key a file that this user can read/,
      "miner lolminer of devcoin": /mining\.miner\.file/,
      images: /./,
    };
    for (const [name, mend] of Object.entries(mends))
      expect(lineOf(ran, name), name).toMatchObject({ level: "fail", mend: expect.stringMatching(mend) });
  });

  test("fails for a market that does not list the coin", async () => {
    const coin = "mining: { coin: nocoin, pools: [{ url: devpool }] }\n";
    expect(lineOf(await doctor(ANY_PORT + coin, "--json"), "market file")).toMatchObject({
      level: "fail",
      found: expect.stringContaining("does not list the coin nocoin"),
      mend: expect.stringContaining("take as coin one of"),
    });
  });

  test("holds a model against its sha256, and counts the customers' keys", async () => {
    directory.write("model.gguf", "GGUF and more");
    chmodSync(directory.write("keys", `${"k".repeat(32)}\n`), 0o600);
    const sum = createHash("sha256").update("GGUF and more").digest("hex");
    const yaml = (sha256: string) =>
      `version: 1\nhttp: { listen: "127.0.0.1:0", customerKeysFile: keys }\ngpus: { source: cpu }\n` +
      `inference: { engine: { kind: builtin, modelFile: model.gguf, sha256: "${sha256}" } }\n`;
    const right = await doctor(yaml(sum), "--json");
    expect(lineOf(right, "model")).toMatchObject({ level: "ok", found: expect.stringMatching(/of the sha256/) });
    expect(lineOf(right, "customer keys")).toMatchObject({ level: "ok", found: expect.stringMatching(/^1 key in /) });
    const wrong = await doctor(yaml("0".repeat(64)), "--json");
    expect(lineOf(wrong, "model")).toMatchObject({ level: "fail", found: expect.stringContaining("has sha256") });
  });

  test("doubts a rig that can never earn, for want of work or of power", async () => {
    const idle = await doctor(ANY_PORT, "--json");
    expect(lineOf(idle, "work")).toMatchObject({ level: "warn", found: expect.stringContaining("can never earn") });
    const busy = await doctor(
      `${ANY_PORT}mining: { pools: [{ url: devpool, user: me }] }\npower: { budget: { maxW: 0 } }\n`,
      "--json",
    );
    expect(lineOf(busy, "work")).toBeUndefined();
    expect(lineOf(busy, "power.budget.maxW")).toMatchObject({ level: "warn", mend: expect.stringContaining("watts") });
  });

  test("doubts the users that the examples show at pools outside", async () => {
    const users = ["wallet.worker", "wallet.{rig}-{gpu}", "<wallet>.rig", "walleta9f3.rig"];
    const pools = users.map((user, at) => `{ url: "stratum+tcp://pool${at}.invalid:3333", user: "${user}" }`);
    const ran = await doctor(`${ANY_PORT}mining: { pools: [${pools.join(", ")}] }\n`, "--json");
    const doubted = users.map((_, at) => lineOf(ran, `user of stratum+tcp://pool${at}.invalid:3333`)?.level);
    expect(doubted).toEqual(["warn", "warn", "warn", undefined]);
  });

  test("doubts a price in cents and a pool that is not told whom to pay", async () => {
    const slips =
      "electricity: { usdPerKwh: 4.5 }\n" +
      'mining: { pools: [{ url: "stratum+tcp://pool.invalid:3333" }, { url: "stratum+tcp://127.0.0.1:1" }] }\n';
    const ran = await doctor(ANY_PORT + slips, "--json");
    expect(lineOf(ran, "electricity")).toMatchObject({ level: "warn", found: expect.stringContaining("cents?") });
    expect(lineOf(ran, "user of stratum+tcp://pool.invalid:3333")).toMatchObject({
      level: "warn",
      mend: expect.stringContaining("set user"),
    });
    expect(lineOf(ran, "user of stratum+tcp://127.0.0.1:1")).toBeUndefined();
  });
});
