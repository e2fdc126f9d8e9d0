import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { AgentProcess, eventually, rigYaml } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const PROGRAM = join(import.meta.dirname, "../../support/children/stand-in-t-rex.ts");
const never = new AbortController().signal;
let directory: TemporaryDirectory;
let file: string;

beforeEach(() => {
  directory = new TemporaryDirectory();
  file = directory.write("t-rex", `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(file, 0o755);
  directory.write("gpus.txt", "gpu 0 power 100\n");
});
afterEach(() => directory[Symbol.dispose]());

const yaml = (miner: string, changes: Readonly<Record<string, string>> = {}): string =>
  rigYaml({
    gpus: "{ source: simulated, script: gpus.txt }",
    mining: `{ coin: devcoin, pools: [{ url: devpool, user: test }], miner: { program: t-rex, ${miner} } }`,
    ...changes,
  });

const SERVES_NOTHING = { inference: "{ enabled: false }" };

interface Seen {
  readonly pid: string;
  /** The kernel's letter: T is stopped where it stands. */
  readonly state: string | undefined;
  readonly args: readonly string[];
  readonly env: readonly string[];
}

/** The stand-in that this test's agent runs. */
function seen(agent: AgentProcess): Seen | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ");
      if (!args.includes(PROGRAM) || fields?.[1] !== String(agent.child.pid)) continue;
      return { pid, args, state: fields[0], env: readFileSync(`/proc/${pid}/environ`, "utf8").split("\0") };
    } catch {
      // It ended between the listing and the look.
    }
  }
  return undefined;
}

test("a miner program of the operator's hashes, is frozen for a request, hashes on, and ends with the agent", async () => {
  await using agent = new AgentProcess(directory, yaml(`file: ${file}`));
  const client = await agent.listening();
  const hashing = await eventually(async () => {
    const rig = await client.rig(never);
    const [gpu] = rig.gpus;
    return rig.today.sharesAccepted >= 2 && (gpu?.hashrateReportedHps ?? 0) > 0 && rig;
  });
  expect(hashing.gpus[0]).toMatchObject({ workload: "hashing", state: "open" });
  expect(hashing.today.sharesRejected).toBe(0);
  const running = seen(agent);
  expect(running?.args).toEqual(expect.arrayContaining(["rig-0", "--no-watchdog"]));
  // The proxy comes first, the pool itself after it.
  expect(running?.args.filter((word) => word.startsWith("stratum+tcp://127.0.0.1:"))).toHaveLength(2);
  expect(running?.env.filter((line) => line.startsWith("CUDA_VISIBLE_DEVICES"))).toEqual([]);

  await eventually(async () => (await client.rig(never)).engine?.state === "ready");
  const answer = fetch(`${client.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "rigshift-tryout", prompt: "The", max_tokens: 64 }),
  });
  await eventually(() => seen(agent)?.state === "T");
  expect((await answer).status).toBe(200);
  await eventually(async () => (await client.rig(never)).gpus[0]?.workload === "hashing");
  expect(seen(agent)).toMatchObject({ pid: running?.pid, state: expect.not.stringMatching("T") });
  const accepted = (await client.rig(never)).today.sharesAccepted;
  await eventually(async () => (await client.rig(never)).today.sharesAccepted > accepted);
  const trips = (await client.transitions(10, never)).filter(({ from }) => from === "hashing" || from === "inference");
  expect(trips.map(({ rung, outcome }) => `${rung} ${outcome}`)).toEqual(["freeze completed", "freeze completed"]);

  await agent.kill("SIGTERM");
  expect(existsSync(`/proc/${running?.pid}`)).toBe(false);
  const ledger = openLedgerReadOnly(agent.dataDir);
  expect(ledger.energy.verifyConservation()).toEqual([]);
  expect(ledger.processes.list()).toEqual([]);
  ledger.close();
});

test("an agent that is killed takes a frozen miner program with it", async () => {
  await using agent = new AgentProcess(directory, yaml(`file: ${file}`, SERVES_NOTHING));
  await agent.listening();
  const { pid } = await eventually(() => seen(agent));
  process.kill(-Number(pid), "SIGSTOP");
  await agent.kill("SIGKILL");
  await eventually(() => !existsSync(`/proc/${pid}`));
});

test.each([
  ["that is not there", () => "file: /nowhere/t-rex", "there is no such file (ERR_MINER_FILE)"],
  ["whose API never answers", () => `file: ${file}, args: ["--api", silent], startTimeoutS: 2`, "(ERR_MINER_API)"],
  ["that is another one", () => `file: ${file}, args: ["--api", other], startTimeoutS: 10`, "(ERR_MINER_ANSWER)"],
  ["that ends at once", () => `file: ${file}, args: ["--unknown"]`, "the miner ended while it started: exit code 1"],
])("a program %s takes the GPU off hashing for a while, and says why", async (_, miner, why) => {
  await using agent = new AgentProcess(directory, yaml(miner(), SERVES_NOTHING));
  const client = await agent.listening();
  const gpu = await eventually(async () => {
    const [first] = (await client.rig(never)).gpus;
    return first?.why.includes("trying again in") && first;
  });
  expect(gpu.why).toContain(why);
  expect(gpu.workload).toBe("none");
  await eventually(() => seen(agent) === undefined);
});
