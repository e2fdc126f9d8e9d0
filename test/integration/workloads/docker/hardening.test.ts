import { createSocket } from "node:dgram";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { WorkSpec } from "../../../../src/workloads/driver.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { ask, contained, Drivers, ready, script, signal } from "./harness.ts";

const GPU = "GPU-11111111-2222-3333-4444-555555555555";
const OTHER = "GPU-66666666-7777-8888-9999-000000000000";
const engine = useEngine();
const drivers = new Drivers(engine);
const gateway = () => engine().slot.minerHost;

/** The address that others on the LAN have for this machine; none where it has no way out. */
const lanAddress = () =>
  new Promise<readonly string[]>((resolve) => {
    const socket = createSocket("udp4");
    const end = (found: readonly string[]) => {
      socket.close();
      resolve(found);
    };
    // Connecting sends nothing: it only chooses the way.
    socket.once("error", () => end([])).once("connect", () => end([socket.address().address]));
    socket.connect(53, "1.1.1.1");
  });

let image: string;
let open: Server;
let proxy: Server;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (host: string) =>
  new Promise<Server>((resolve) => {
    const server = createServer((socket) => socket.end("hello from the proxy"));
    server.listen(0, host, () => resolve(server));
  });

beforeAll(async () => {
  open = await listen("0.0.0.0");
  proxy = await listen("127.0.0.1");
  if (DOCKER.present()) image = await engine().image("base");
});
afterAll(() => {
  open.close();
  proxy.close();
});

/** Tries one thing inside and says how it went. */
const ATTEMPTS = `
const fs = require("node:fs"), net = require("node:net"), { spawn } = require("node:child_process");
const tryTo = (act) => { try { act(); return "done"; } catch (error) { return error.code; } };
const reach = (host, port, timeout = 15000) => new Promise((resolve) => {
  const socket = net.connect({ host, port, timeout });
  socket.once("data", (data) => resolve(String(data))).once("error", (error) => resolve(error.code))
    .once("timeout", () => resolve("timeout"));
});
`;

async function inside<T>(
  spec: WorkSpec,
  expression: string,
  parts: Parameters<typeof drivers.create>[1] = {},
): Promise<T> {
  const { driver } = drivers.create([image], parts);
  await ready(driver, spec);
  const code = `${ATTEMPTS}(async () => { console.log(JSON.stringify(await (${expression}))); process.exit(0); })()`;
  const result = await driver.probe(spec.name, ["node", "-e", code], signal);
  if (result.kind !== "exited" || result.code !== 0) throw new Error(JSON.stringify(result));
  return JSON.parse(result.output) as T;
}

const idle = (changes?: Parameters<typeof contained>[2]) => script(image, "setInterval(() => {}, 1e6)", changes);
const operator = () => idle({ name: "miner", role: "miner", container: { profile: "operator" } });
const miners = () => ({
  gateway: { host: gateway(), port: 3433 },
  proxies: () => [{ host: "127.0.0.1", port: portOf(proxy) }],
});

const profiles = [
  ["what runs for strangers", () => idle()],
  ["the operator's miner", operator],
] as const;

for (const [who, spec] of profiles) {
  describe(`${who}, seen from inside`, () => {
    testWith(DOCKER, "has no capability, cannot gain one, and is filtered", async () => {
      const expression = `Object.fromEntries(fs.readFileSync("/proc/1/status", "utf8").split("\\n").map((line) => line.split(":\\t")))`;
      const status = await inside<Record<string, string>>(spec(), expression, { miners: miners() });
      expect(status).toMatchObject({
        CapInh: "0000000000000000",
        CapPrm: "0000000000000000",
        CapEff: "0000000000000000",
        CapBnd: "0000000000000000",
        NoNewPrivs: "1",
        Seccomp: "2",
      });
      expect(status.Uid?.split("\t")).toEqual(["10001", "10001", "10001", "10001"]);
      expect(status.Groups?.trim()).toBe("10001");
    });

    testWith(DOCKER, "writes to its small /tmp and nowhere else, and runs nothing from there", async () => {
      const found = await inside<Record<string, string>>(
        spec(),
        `{
          etc: tryTo(() => fs.writeFileSync("/etc/x", "")), home: tryTo(() => fs.writeFileSync("/home/app/x", "")),
          tmp: tryTo(() => fs.writeFileSync("/tmp/x", "")),
          full: tryTo(() => fs.writeFileSync("/tmp/full", Buffer.alloc(80 << 20))),
          sysctl: tryTo(() => fs.writeFileSync("/proc/sys/kernel/hostname", "x")),
          exec: tryTo(() => { fs.writeFileSync("/tmp/run", "#!/usr/local/bin/node\\n", { mode: 0o755 });
            const { error } = require("node:child_process").spawnSync("/tmp/run"); if (error) throw error; }),
          docker: fs.existsSync("/var/run/docker.sock") + "",
        }`,
        { miners: miners() },
      );
      expect(found).toMatchObject({ etc: "EROFS", home: "EROFS", tmp: "done", full: "ENOSPC", docker: "false" });
      expect(found.sysctl).toMatch(/^(EROFS|EACCES)$/);
      expect(found.exec).toMatch(/^(ENOSPC|EACCES)$/);
    });

    testWith(DOCKER, "is held to its processes, memory and processors by the kernel", async () => {
      const { driver } = drivers.create([image], { miners: miners() });
      const { container = "" } = await ready(driver, spec());
      const { HostConfig } = JSON.parse(await engine().docker("inspect", "--format", "{{json .}}", container));
      expect(HostConfig).toMatchObject({
        Memory: 128 << 20,
        MemorySwap: 128 << 20,
        NanoCpus: 1e9,
        PidsLimit: 64,
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
        Privileged: false,
        ReadonlyRootfs: true,
        SecurityOpt: ["no-new-privileges"],
        IpcMode: "private",
      });
      const forks = `new Promise((resolve) => { let failed = 0, open = 100;
        for (let i = 0; i < 100; i++) { const child = spawn("node", ["-e", "setTimeout(() => {}, 3000)"], { stdio: "ignore" });
          child.once("error", () => failed++).once("error", () => --open || resolve(failed)); child.once("spawn", () => --open || resolve(failed)); }
        setTimeout(() => resolve(failed), 2500); })`;
      const code = `${ATTEMPTS}(async () => { console.log(await (${forks})); process.exit(0); })()`;
      const bomb = await driver.probe(spec().name, ["node", "-e", code], signal);
      expect(bomb.kind === "exited" ? Number(bomb.output) : 0).toBeGreaterThan(20);
    });
  });
}

describe("the network of what runs for strangers", () => {
  testWith(DOCKER, "is none: no way to the machine, the LAN or the internet", async () => {
    const found = await inside<Record<string, unknown>>(
      idle(),
      `{ interfaces: Object.keys(require("node:os").networkInterfaces()),
         routes: fs.readFileSync("/proc/net/route", "utf8").trim().split("\\n").length - 1,
         outside: await reach("1.1.1.1", 53, 1500) }`,
    );
    expect(found).toEqual({ interfaces: ["lo"], routes: 0, outside: "ENETUNREACH" });
  });

  testWith(DOCKER, "leads to no address of the machine, where a program listens on 0.0.0.0", async () => {
    // While a miner runs, the machine has the address of the miners' bridge too.
    await inside(operator(), "1", { miners: miners() });
    const addresses = [engine().bridgeAddress, gateway(), ...(await lanAddress())];
    const all = `Object.fromEntries(await Promise.all(${JSON.stringify(addresses)}.map(
      async (host) => [host, await reach(host, ${portOf(open)})])))`;
    const told = (answer: string) => Object.fromEntries(addresses.map((address) => [address, answer]));
    const code = `${ATTEMPTS}(async () => { console.log(JSON.stringify(${all})); process.exit(0); })()`;
    const bridged = await engine().docker("run", "--rm", "--entrypoint", "node", image, "-e", code);
    expect(JSON.parse(bridged), "whoever has a network gets there").toEqual(told("hello from the proxy"));
    expect(await inside(idle(), all)).toEqual(told("ENETUNREACH"));
  });

  testWith(DOCKER, "leaves its socket as the only way in, whose folder is small, in memory and its own", async () => {
    const { driver } = drivers.create([image]);
    const work = await ready(driver, contained(image));
    expect((await ask(work)).env.HOME).toBeDefined();
    const code = `${ATTEMPTS} console.log(tryTo(() => fs.writeFileSync("/run/rigshift/big", Buffer.alloc(1 << 20))),
      fs.readFileSync("/proc/mounts", "utf8").split("\\n").find((line) => line.includes("/run/rigshift")))`;
    const result = await driver.probe("engine", ["node", "-e", code], signal);
    expect(result.kind === "exited" && result.output).toMatch(/^ENOSPC tmpfs \/run\/rigshift tmpfs .*noexec/);
  });

  testWith(DOCKER, "cannot be widened by a link in place of its socket", async () => {
    const link = `require("node:fs").symlinkSync("${engine().socketPath}", "/run/rigshift/work.sock"); setInterval(() => {}, 1e6)`;
    const spec = script(image, link, {
      container: { ready: { kind: "socket", file: "work.sock" } },
      startTimeout: 1000 as WorkSpec["startTimeout"],
    });
    const { driver } = drivers.create([image]);
    const readiness = await driver.ensureReady(spec, signal);
    expect(readiness).toMatchObject({ kind: "failed", code: "ERR_WORK_START_TIMEOUT" });
    expect(readiness.kind === "failed" && readiness.reason).toContain("is no socket");
  });
});

describe("the network of the operator's miners", () => {
  testWith(DOCKER, "leads to the Stratum proxy, and nowhere outside the machine", async () => {
    const found = await inside<Record<string, string>>(
      operator(),
      `{ proxy: await reach("${gateway()}", 3433), outside: await reach("1.1.1.1", 53, 1500),
         loopback: await reach("127.0.0.1", ${portOf(proxy)}) }`,
      { miners: miners() },
    );
    expect(found).toMatchObject({ proxy: "hello from the proxy", loopback: "ECONNREFUSED" });
    expect(found.outside).toMatch(/^(timeout|ENETUNREACH|EHOSTUNREACH)$/);
  });

  testWith(DOCKER, "leads to the proxy of each flight sheet at a port of its own, one after the other", async () => {
    const second = createServer((socket) => socket.end("hello from the second"));
    await new Promise<void>((resolve) => second.listen(0, "127.0.0.1", resolve));
    const both = () => [proxy, second].map((one) => ({ host: "127.0.0.1", port: portOf(one) }));
    try {
      const found = await inside<Record<string, string>>(
        operator(),
        `{ first: await reach("${gateway()}", 3433), second: await reach("${gateway()}", 3434),
           third: await reach("${gateway()}", 3435) }`,
        { miners: { ...miners(), proxies: both } },
      );
      expect(found).toEqual({
        first: "hello from the proxy",
        second: "hello from the second",
        third: "ECONNREFUSED",
      });
    } finally {
      await new Promise((resolve) => second.close(resolve));
    }
  });

  testWith(DOCKER, "lets nobody else use the way to the proxy", async () => {
    await inside(operator(), "1", { miners: miners() });
    const answer = await new Promise<string>((resolve) => {
      const socket = connect({ host: gateway(), port: 3433, localAddress: engine().bridgeAddress });
      socket.once("data", (data) => resolve(String(data))).once("close", () => resolve("closed"));
      socket.once("error", () => resolve("closed"));
    });
    expect(answer).toBe("closed");
  });

  testWith(DOCKER, "is refused where a network of that name is somebody else's", async () => {
    await engine().docker("network", "create", "rigshift-miners");
    const { driver } = drivers.create([image], { miners: miners() });
    expect(await driver.ensureReady(operator(), signal)).toMatchObject({
      kind: "failed",
      code: "ERR_CONTAINER_NETWORK",
    });
  });
});

describe("a spec", () => {
  const bad = [
    ["a folder of the machine as a volume", { volumes: [{ volume: "/etc", target: "/data" }] }],
    ["a volume that is not ours", { volumes: [{ volume: "postgres", target: "/data" }] }],
    ["a volume over the system", { volumes: [{ volume: "rigshift-models", target: "/usr/lib" }] }],
    ["a writable volume for strangers", { volumes: [{ volume: "rigshift-models", target: "/data", writable: true }] }],
    ["root", { user: "0:0" }],
    ["all GPUs", { gpus: ["all"] }],
    ["a GPU by index", { gpus: ["0"] }],
    ["a port for strangers", { ready: { kind: "port", port: 80 } }],
    ["something the schema does not know", { Privileged: true }],
    ["no limit of processes", { limits: { memoryMiB: 128, cpus: 1, pids: -1 } }],
  ] as const;
  for (const [what, part] of bad)
    testWith(DOCKER, `that asks for ${what} is refused`, async () => {
      const { driver } = drivers.create([image]);
      const spec = idle({ container: part as object });
      expect(await driver.ensureReady(spec, signal)).toMatchObject({ kind: "failed", code: "ERR_CONTAINER_SPEC" });
    });

  testWith(DOCKER, "cannot choose GPUs through the environment", async () => {
    const { driver } = drivers.create([image]);
    const spec = idle({ env: { NVIDIA_VISIBLE_DEVICES: "all" } });
    expect(await driver.ensureReady(spec, signal)).toMatchObject({ kind: "failed", code: "ERR_CONTAINER_SPEC" });
  });
});

describe("a GPU", () => {
  const listed = `require("node:child_process").execFileSync("nvidia-smi", ["-L"], { encoding: "utf8" }).trim().split("\\n")`;

  testWith(DOCKER, "is given by UUID, and no other is seen", async () => {
    expect(await inside(idle({ container: { gpus: [GPU] } }), listed)).toEqual([`GPU 0: Stand-in GPU (UUID: ${GPU})`]);
    expect(engine().gpuRequests.at(-1)?.devices).toEqual([GPU]);
  });

  testWith(DOCKER, "is given together with another", async () => {
    const { driver } = drivers.create([image]);
    await ready(driver, idle({ container: { gpus: [GPU, OTHER] } }));
    expect(engine().gpuRequests.at(-1)?.devices).toEqual([GPU, OTHER]);
  });

  testWith(DOCKER, "is not given where none was asked for", async () => {
    const before = engine().gpuRequests.length;
    expect(await inside(idle(), `process.env.NVIDIA_VISIBLE_DEVICES`)).toBe("void");
    expect(engine().gpuRequests).toHaveLength(before);
  });

  testWith(DOCKER, "that cannot be given is said to be the GPU's fault", async () => {
    const { driver } = drivers.create([image]);
    engine().refuseGpus("nvidia-container-cli: initialization error: driver not loaded");
    const readiness = await driver.ensureReady(idle({ container: { gpus: [GPU] } }), signal);
    engine().refuseGpus(undefined);
    expect(readiness).toMatchObject({ kind: "failed", code: "ERR_CONTAINER_GPU", retryable: true });
    expect(await engine().docker("ps", "--all", "--quiet")).toBe("");
  });
});
