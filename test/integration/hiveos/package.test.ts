import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { parse } from "yaml";
import { readAgentFile } from "../../../src/api/agent-file.ts";
import { hiveSchema } from "../../../src/api/hiveos.ts";
import { mmposSchema } from "../../../src/api/mmpos.ts";
import { repositoryRoot } from "../../../src/config/default.ts";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { type Devpool, startDevpool } from "../../../src/mining/reference/devpool.ts";
import { eventually, runningWith } from "../../support/agent-process.ts";
import { onPath, type Requirement, testWith } from "../../support/requirement.ts";
import { HiveRig, hiveMachine } from "./harness.ts";

const SHEET = {
  CUSTOM_URL: "pool.example.org:3333",
  CUSTOM_TEMPLATE: "wallet.worker",
  CUSTOM_PASS: "",
  CUSTOM_ALGO: "sha256d",
  CUSTOM_USER_CONFIG: "",
  WORKER_NAME: "rig 7",
};
const CONFIG = ". ./h-config.sh";
/** What sourcing left behind in the shell that Hive OS goes on using, which knows the manifest already. */
const leftBy = (file: string) =>
  `. ./h-manifest.conf; before=$(compgen -v; compgen -A function; echo before); . ./${file}; ` +
  'echo "left: $( (compgen -v; compgen -A function) | grep --invert-match --line-regexp "$before" | tr "\\n" " ")"';

const shellcheck: Requirement = {
  name: "shellcheck",
  mend: "on Debian: apt-get install shellcheck",
  expectedInCi: false,
  present: () => hiveMachine.present() && onPath("shellcheck"),
};

let rig: HiveRig;
beforeAll(() => {
  if (hiveMachine.present()) rig = new HiveRig();
});
afterAll(() => rig?.[Symbol.dispose]());

describe("the archive", () => {
  testWith(hiveMachine, "is named and laid out as custom-get wants it", () => {
    const [, name, version] = /^(.+)-([^-]+)\.tar\.gz$/.exec(basename(rig.archive)) ?? [];
    const entries = execFileSync("tar", ["-tzf", rig.archive], { encoding: "utf8", maxBuffer: 64 << 20 }).split("\n");
    expect(name).toBe("rigshift");
    expect(version).toMatch(/^[\w.]+$/);
    expect(entries.filter((entry) => entry !== "" && !entry.startsWith("rigshift/"))).toEqual([]);
    for (const file of ["h-manifest.conf", "h-config.sh", "h-run.sh", "h-stats.sh", "h-stop.sh"])
      expect(entries).toContain(`rigshift/${file}`);
  });

  testWith(hiveMachine, "tells Hive OS its name, version, configuration and log", async () => {
    const { output } = await rig.run(
      '. ./h-manifest.conf; echo "$CUSTOM_NAME $CUSTOM_VERSION $CUSTOM_CONFIG_FILENAME $CUSTOM_LOG_BASENAME"',
    );
    expect(output).toMatch(new RegExp(`^rigshift [\\d.]+ ${rig.config} .*/log/rigshift/rigshift\n$`));
  });

  testWith(shellcheck, "has scripts that shellcheck finds nothing in", async () => {
    const files = "build-hiveos hiveos/*.sh hiveos/ask-agent hiveos/watchdog hiveos/rigshift";
    const check = `cd '${repositoryRoot}' && cd scripts && shellcheck -x -P SCRIPTDIR -P .. ${files}`;
    expect(await rig.run(check)).toEqual({ code: 0, output: "" });
  });
});

describe("a flight sheet", () => {
  testWith(
    hiveMachine,
    "becomes a rig.yaml that nobody else may read, with the password in a file of its own",
    async () => {
      const sheet = {
        ...SHEET,
        CUSTOM_URL: "ssl://a.example.org:1\nb.example.org:2, stratum+tcp://c.example.org:3",
        CUSTOM_PASS: "it's $ecret",
      };
      const { code, output } = await rig.run(CONFIG, sheet);
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("mode mine") });
      const password = { file: "pool.password" };
      expect(parse(rig.read("home/hiveos/rig.yaml"))).toEqual({
        version: 1,
        mode: "mine",
        rig: { name: "rig-7" },
        mining: {
          algorithm: "sha256d",
          pools: [
            { url: "stratum+ssl://a.example.org:1", user: "wallet.worker", password },
            { url: "stratum+tcp://b.example.org:2", user: "wallet.worker", password },
            { url: "stratum+tcp://c.example.org:3", user: "wallet.worker", password },
          ],
        },
      });
      expect(rig.read("home/hiveos/pool.password")).toBe("it's $ecret");
      expect(output + rig.read("home/hiveos/rig.yaml")).not.toContain("ecret");
      for (const file of [rig.config, join(rig.home, "hiveos/pool.password")])
        expect(statSync(file).mode & 0o777, file).toBe(0o600);
    },
  );

  testWith(hiveMachine, "gives way to its extra config, key by key", async () => {
    const extra =
      'mode: auto # and back\nelectricity: { usdPerKwh: 0.1 }\nmining: { coin: bitcoin }\nrig:\n  name: "attic"';
    expect((await rig.run(CONFIG, { ...SHEET, CUSTOM_USER_CONFIG: extra })).code).toBe(0);
    expect(parse(rig.read("home/hiveos/rig.yaml"))).toMatchObject({
      mode: "auto",
      rig: { name: "attic" },
      electricity: { usdPerKwh: 0.1 },
      mining: { coin: "bitcoin", algorithm: "sha256d", pools: [{ url: "stratum+tcp://pool.example.org:3333" }] },
    });
  });

  testWith(hiveMachine, "finds the newest version of a miner of Hive OS's own", async () => {
    const [file] = ["1.88", "1.9", "1.7a"].map((version) => rig.write(`miners/lolminer/${version}/lolMiner`, ""));
    const extra = `mining: { miner: { program: lolminer, file: ${file?.replace("1.88", "*")}, args: [--mode, a] } }`;
    const sheet = { ...SHEET, CUSTOM_ALGO: "etchash", CUSTOM_USER_CONFIG: extra };
    expect(await rig.run(CONFIG, sheet)).toMatchObject({ code: 0 });
    expect(parse(rig.read("home/hiveos/rig.yaml"))).toMatchObject({
      mining: { algorithm: "etchash", miner: { program: "lolminer", file, args: ["--mode", "a"] } },
    });
  });

  testWith(hiveMachine, "leaves nothing in the shell that sources it", async () => {
    expect((await rig.run(leftBy("h-config.sh"), SHEET)).output).toMatch(/left: *\n$/);
  });

  const bad: readonly (readonly [string, Partial<typeof SHEET>, RegExp])[] = [
    ["without a wallet", { CUSTOM_TEMPLATE: " " }, /names no wallet \(ERR_FLIGHT_SHEET\): give it a wallet/],
    ["whose wallet was not filled in", { CUSTOM_TEMPLATE: "%WAL%.x" }, /%WAL%\.x was not filled in/],
    ["without a pool", { CUSTOM_URL: "" }, /mining\.pools: got a list of 0, wanted at least one pool/],
    ["with a pool that is none", { CUSTOM_URL: "http://x" }, /mining\.pools\[0\]\.url: got "http:\/\/x", wanted/],
    ["with an algorithm nobody knows", { CUSTOM_ALGO: "x99" }, /mining\.algorithm: got "x99", wanted one of/],
    [
      "whose extra config is no YAML",
      { CUSTOM_USER_CONFIG: "a: [" },
      /extra config is not valid YAML: .*ERR_FLIGHT_SHEET/,
    ],
    ["whose extra config is no mapping", { CUSTOM_USER_CONFIG: "--fast" }, /no YAML mapping such as `mode: auto`/],
    ["with a key nobody knows", { CUSTOM_USER_CONFIG: "fast: 1" }, /fast: got an unknown key, wanted one of/],
    [
      "with a password in it",
      { CUSTOM_USER_CONFIG: "mining: { pools: [{ url: devpool, password: hunter2 }] }" },
      /pools\[0\]\.password: got a string/,
    ],
    [
      "with a miner that is not installed",
      { CUSTOM_USER_CONFIG: "mining: { miner: { program: rigel, file: /nowhere/*/rigel } }" },
      /there is no \/nowhere\/\*\/rigel \(ERR_FLIGHT_SHEET\)/,
    ],
    ["that moves the data", { CUSTOM_USER_CONFIG: "dataDir: /tmp" }, /dataDir is fixed on Hive OS/],
    [
      "that listens to others",
      { CUSTOM_USER_CONFIG: "http: { listen: 0.0.0.0:7410, tls: { certFile: a, keyFile: b } }" },
      /listen on 127\.0\.0\.1/,
    ],
  ];
  for (const [title, changes, expected] of bad)
    testWith(hiveMachine, `${title} is refused in one line, on the farm's page too, and nothing is mined`, async () => {
      rig.write("home/hiveos/rig.yaml", "of the flight sheet before");
      const { code, output } = await rig.run(`${CONFIG}; echo "returned $?"; ./h-run.sh`, { ...SHEET, ...changes });
      const [said = "", returned, refused] = output.split("\n");
      expect(said).toMatch(expected);
      expect(said).not.toContain("hunter2");
      expect([code, returned]).toEqual([2, "returned 1"]);
      expect(refused).toContain("ERR_FLIGHT_SHEET");
      expect(rig.read("messages")).toContain(`error ${said}\n`);
      expect(existsSync(rig.config)).toBe(false);
    });

  testWith(hiveMachine, "is refused on an image whose C library is too old, which is named", async () => {
    const script = `getconf() { echo "glibc 2.31"; }; ${CONFIG}; echo "returned $?"`;
    expect((await rig.run(script, SHEET)).output).toMatch(
      /this image has glibc 2\.31 \(ERR_HIVEOS_IMAGE\): use one with glibc 2\.\d+ or newer\nreturned 1\n$/,
    );
  });
});

/** As Hive OS's agent asks: `$khs` and `$stats` once the script was sourced. */
async function stats(): Promise<{ readonly khs: number; readonly stats: unknown }> {
  const { output } = await rig.run('khs=9; stats=old; . ./h-stats.sh; printf "%s\\n%s\\n" "$khs" "$stats"');
  const [khs = "", text = ""] = output.split("\n");
  return { khs: Number(khs), stats: JSON.parse(text) };
}

describe("the agent under Hive OS", () => {
  let pool: Devpool;
  let child: ChildProcess;
  const model = join(repositoryRoot, "docker/engine/model/rigshift-tryout.gguf");
  const extra = `gpus: { source: cpu }
http: { listen: "127.0.0.1:0" }
inference: { engine: { kind: builtin, modelFile: ${model}, gpu: "off" }, wakeValueUsd: 1 }
`;

  const start = () => {
    child = rig.spawn("exec ./h-run.sh");
    for (const stream of [child.stdout, child.stderr]) stream?.resume();
  };
  const ended = async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode;
  };
  const answers = () => eventually(async () => (await stats()).stats !== null);
  const agents = () => runningWith(`start --config ${rig.config}`);

  beforeAll(async () => {
    if (!hiveMachine.present()) return;
    pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
    // On a rig the engine comes as an image.
    rig.link("docker/engine");
    const sheet = { ...SHEET, CUSTOM_URL: pool.url, CUSTOM_PASS: "x", CUSTOM_USER_CONFIG: extra };
    expect(await rig.run(CONFIG, sheet)).toMatchObject({ code: 0 });
    start();
  });
  afterAll(async () => {
    if (!hiveMachine.present()) return;
    await rig.run("./h-stop.sh");
    await ended();
    await pool.close();
  });

  testWith(hiveMachine, "mines on the flight sheet's pool, and tells Hive OS how fast", async () => {
    const told = await eventually(async () => {
      const seen = await stats();
      const view = hiveSchema.safeParse({ ...seen, watchdog: "watch" });
      return view.success && view.data.khs > 0 && view.data.stats.ar[0] > 0 && view.data;
    });
    expect(pool.stats().sharesAccepted).toBeGreaterThan(0);
    expect(told.stats).toMatchObject({ algo: "sha256d", bus_numbers: [null], hs: [expect.any(Number)] });
    expect(rig.read("log/rigshift/rigshift.log")).toContain("Rigshift runs");
  });

  testWith(hiveMachine, "leaves nothing but $khs and $stats in the shell that asks", async () => {
    expect((await rig.run(leftBy("h-stats.sh"))).output).toMatch(/left: khs stats *\n$/);
  });

  testWith(hiveMachine, "tells mmpOS too", async () => {
    const { output } = await rig.run("./mmp-stats.sh 1 log");
    expect(mmposSchema.parse(JSON.parse(output))).toMatchObject({ busid: ["cpu"] });
  });

  testWith(hiveMachine, "runs once: a second start is refused and touches nothing", async () => {
    expect(await rig.run("./h-run.sh")).toMatchObject({
      code: 1,
      output: expect.stringContaining("ERR_HIVEOS_RUNNING"),
    });
    expect(agents()).toHaveLength(1);
  });

  testWith(hiveMachine, "serving AI has the hashrate 0 and says so, and the watchdog is paused meanwhile", async () => {
    expect(await rig.run("./rigshift mode serve")).toMatchObject({ code: 0 });
    const told = await eventually(async () => {
      const view = hiveSchema.safeParse({ ...(await stats()), watchdog: "pause" });
      return view.success && view.data.stats.ver.endsWith("1 of 1 serve AI") && view.data;
    });
    expect(told).toMatchObject({ khs: 0, stats: { hs: [0] } });
    const answer = await fetch(`${readAgentFile(rig.home)?.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "rigshift-tryout", prompt: "The miner", max_tokens: 8 }),
    });
    expect(await answer.json()).toMatchObject({ usage: { completion_tokens: expect.any(Number) } });
    await eventually(() => !rig.watchdogRuns);
  });

  testWith(hiveMachine, "ends on Ctrl+C in good order and gives the watchdog back", async () => {
    process.kill(-(child.pid ?? 0), "SIGINT");
    expect(await ended()).toBe(0);
    expect(rig.watchdogRuns).toBe(true);
    expect(agents()).toEqual([]);
    expect(await stats()).toEqual({ khs: 0, stats: null });
    const ledger = openLedgerReadOnly(rig.home);
    expect(ledger.jobs.listJobs({ limit: 100 }).filter(({ ended: at }) => at === undefined)).toEqual([]);
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  });

  testWith(hiveMachine, "is ended by h-stop.sh, also when its h-run.sh was killed", async () => {
    start();
    await answers();
    child.kill("SIGKILL");
    await ended();
    expect(agents()).toHaveLength(1);
    expect((await rig.run("./h-stop.sh")).code).toBe(0);
    expect(agents()).toEqual([]);
    expect((await rig.run("./h-stop.sh")).code).toBe(0);
  });

  testWith(hiveMachine, "takes over from one that outlived its h-run.sh, and ends when that is told to", async () => {
    start();
    await answers();
    const [first] = agents();
    child.kill("SIGKILL");
    await ended();
    start();
    await eventually(
      () => agents().length === 1 && rig.read("log/rigshift/rigshift.log").match(/Rigshift runs/g)?.length === 4,
    );
    expect(first).toBeDefined();
    child.kill("SIGTERM");
    expect(await ended()).toBe(0);
    expect(agents()).toEqual([]);
  });

  testWith(hiveMachine, "is started by mmpOS with arguments, and answers on the port of its choice", async () => {
    expect(await rig.run("./mmp-launch.sh --pool devpool --fast")).toMatchObject({
      code: 2,
      output: expect.stringContaining("ERR_USAGE"),
    });
    expect(await rig.run("./mmp-launch.sh --pool devpool --coin X")).toMatchObject({
      code: 2,
      output: expect.stringContaining("names no wallet"),
    });
    child = rig.spawn(
      `exec ./mmp-launch.sh --coin X --pool ${pool.url} --user w.r --api-port 0 --config "gpus: { source: cpu }"`,
    );
    for (const stream of [child.stdout, child.stderr]) stream?.resume();
    await answers();
    child.kill("SIGTERM");
    expect(await ended()).toBe(0);
  });
});

describe("the watchdog's keeper", () => {
  let server: Server;
  let keeper: ChildProcess;
  let word = "watch";
  let looks = 0;

  beforeAll(async () => {
    if (!hiveMachine.present()) return;
    server = createServer((_request, response) => {
      looks++;
      response.end(`{"khs":0,"watchdog":"${word}","stats":{}}`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    rig.write("home/agent.json", `{"url":"http://127.0.0.1:${port}","pid":1,"id":"test"}`);
    rig.write("home/hiveos/rig.yaml", "");
    rig.write("wd-active", "");
    keeper = rig.spawn("exec ./watchdog 0.05 3");
  });
  afterAll(() => {
    server?.close();
    keeper?.kill("SIGKILL");
  });

  const say = async (next: string, times: number) => {
    word = next;
    const from = looks;
    await eventually(() => looks >= from + times);
  };

  testWith(hiveMachine, "pauses it for other work, and starts it again only after some looks in a row", async () => {
    await say("pause", 1);
    await eventually(() => !rig.watchdogRuns);
    await say("watch", 1);
    await say("pause", 2);
    expect(rig.watchdogRuns).toBe(false);
    await say("watch", 5);
    expect(rig.watchdogRuns).toBe(true);
  });

  testWith(hiveMachine, "pauses one that somebody started meanwhile", async () => {
    await say("pause", 2);
    rig.write("wd-active", "");
    await eventually(() => !rig.watchdogRuns);
  });

  testWith(hiveMachine, "gives it back when it is ended itself", async () => {
    keeper.kill("SIGTERM");
    await once(keeper, "exit");
    expect(rig.watchdogRuns).toBe(true);
  });

  testWith(hiveMachine, "leaves one off that the operator switched off", async () => {
    await rig.run("wd stop");
    keeper = rig.spawn("exec ./watchdog 0.05 3");
    await say("pause", 3);
    await say("watch", 6);
    expect(rig.watchdogRuns).toBe(false);
  });

  testWith(hiveMachine, "gives it back at once when the agent does not answer", async () => {
    await rig.run("wd start");
    await say("pause", 2);
    await eventually(() => !rig.watchdogRuns);
    server.closeAllConnections();
    server.close();
    await eventually(() => rig.watchdogRuns);
  });
});
