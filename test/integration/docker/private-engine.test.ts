import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect } from "vitest";
import { DOCKER, PrivateEngine, useEngine } from "../../support/engine.ts";
import { testWith } from "../../support/requirement.ts";
import { until } from "../../support/until.ts";

const run = promisify(execFile);
const GPU = "GPU-11111111-2222-3333-4444-555555555555";
const OTHER = "GPU-66666666-7777-8888-9999-000000000000";
/** Node takes a moment until it listens to a signal, and the first process of a container ignores what it does not. */
const SLEEP = ["--stop-timeout", "1", "--entrypoint", "node"] as const;
const FOREVER = ["-e", "process.on('SIGTERM',()=>process.exit(0));setInterval(()=>{},1e6)"] as const;

describe("an Engine of the test's own", () => {
  const engine = useEngine();
  let base: string;
  beforeAll(async () => {
    if (DOCKER.present()) base = await engine().image("base");
  });
  const sleeper = (...options: readonly string[]) =>
    engine().docker("run", "--detach", ...SLEEP, ...options, base, ...FOREVER);

  testWith(DOCKER, "shares neither data, socket, bridge nor control group with the machine's", async () => {
    const { socketPath, slot, bridgeAddress } = engine();
    expect(socketPath.startsWith(`${slot.folder}/`)).toBe(true);
    expect(await engine().docker("info", "--format", "{{.DockerRootDir}}")).toBe(join(slot.folder, "data"));
    const gateway = await engine().docker(
      "network",
      "inspect",
      "bridge",
      "--format",
      "{{(index .IPAM.Config 0).Gateway}}",
    );
    expect(gateway).toBe(bridgeAddress);
    const container = await sleeper();
    const pid = await engine().docker("inspect", "--format", "{{.State.Pid}}", container);
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(`/${slot.name}/${container}`);
  });

  testWith(DOCKER, "keeps its images and loses its containers when everything is removed", async () => {
    await sleeper();
    await engine().docker("network", "create", "left-behind");
    await engine().removeEverything();
    expect(await engine().docker("ps", "--all", "--quiet")).toBe("");
    expect(await engine().docker("network", "ls", "--quiet", "--filter", "type=custom")).toBe("");
    expect(await engine().docker("images", "--quiet")).not.toBe("");
  });

  testWith(DOCKER, "gives a container the GPUs it asks for, by UUID, and records them", async () => {
    const container = await sleeper("--gpus", `"device=${GPU},${OTHER}"`);
    expect(engine().gpuRequests.at(-1)).toEqual({ container, devices: [GPU, OTHER] });
    const seen = await engine().docker("exec", container, "nvidia-smi", "-L");
    expect(seen.split("\n")).toEqual([`GPU 0: Stand-in GPU (UUID: ${GPU})`, `GPU 1: Stand-in GPU (UUID: ${OTHER})`]);
  });

  testWith(DOCKER, "gives them through the nvidia runtime as well, hardened or not", async () => {
    const hardened = ["--cap-drop", "ALL", "--read-only", "--security-opt", "no-new-privileges", "--user", "10001"];
    const asked = ["--runtime", "nvidia", "--env", `NVIDIA_VISIBLE_DEVICES=${GPU}`];
    for (const network of ["none", "bridge"]) {
      const container = await sleeper(...hardened, ...asked, "--network", network);
      expect(engine().gpuRequests.at(-1)).toEqual({ container, devices: [GPU] });
      expect(await engine().docker("exec", container, "nvidia-smi")).toContain(GPU);
    }
  });

  testWith(DOCKER, "gives none to a container that asks for none", async () => {
    const before = engine().gpuRequests.length;
    const container = await sleeper("--runtime", "nvidia");
    await expect(engine().docker("exec", container, "nvidia-smi")).rejects.toMatchObject({ code: 126 });
    expect(engine().gpuRequests.length).toBe(before);
  });

  testWith(DOCKER, "refuses GPUs as a machine without a working driver does, until told otherwise", async () => {
    engine().refuseGpus("nvidia-container-cli: initialization error: nvml error: driver not loaded");
    await expect(sleeper("--gpus", `"device=${GPU}"`)).rejects.toThrow(/nvml error: driver not loaded/);
    engine().refuseGpus(undefined);
    await expect(sleeper("--gpus", `"device=${GPU}"`)).resolves.toMatch(/^[0-9a-f]{64}$/);
  });

  testWith(DOCKER, "loses a GPU inside a running container, and a new container has it again", async () => {
    const container = await sleeper("--gpus", `"device=${GPU}"`);
    engine().loseGpu(GPU);
    await expect(engine().docker("exec", container, "nvidia-smi")).rejects.toMatchObject({ code: 255 });
    const next = await sleeper("--gpus", `"device=${GPU}"`);
    expect(await engine().docker("exec", next, "nvidia-smi")).toContain(GPU);
  });

  testWith(DOCKER, "hangs while it is suspended and goes on where it was", async () => {
    const container = await sleeper();
    engine().suspend();
    const asked = run("docker", ["--host", engine().host, "ps"], { timeout: 300 });
    await expect(asked).rejects.toMatchObject({ killed: true });
    engine().resume();
    expect(await engine().docker("inspect", "--format", "{{.State.Status}}", container)).toBe("running");
  });

  testWith(DOCKER, "comes back after a stop with the same images, its containers ended", async () => {
    const container = await sleeper();
    await engine().stop();
    expect(existsSync(engine().socketPath)).toBe(false);
    await engine().start();
    expect(await engine().docker("inspect", "--format", "{{.State.Status}}", container)).toBe("exited");
    expect(await engine().docker("image", "inspect", "--format", "{{.Id}}", base)).toBe(base);
  });
});

describe("an Engine that keeps containers over a restart", () => {
  const engine = useEngine({ liveRestore: true, injection: "none" });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    testWith(DOCKER, `has them running after ${signal}, and knows no GPUs where it was given none`, async () => {
      const base = await engine().image("base");
      const container = await engine().docker("run", "--detach", ...SLEEP, base, ...FOREVER);
      await engine().stop(signal);
      await engine().start();
      const state = ["inspect", "--format", "{{.State.Status}} {{.RestartCount}}", container];
      expect(await engine().docker(...state)).toBe("running 0");
      await expect(engine().docker("run", "--gpus", "all", base, "node")).rejects.toThrow(
        /could not select device driver/,
      );
    });
});

describe("an Engine with a firewall", () => {
  const engine = useEngine({ iptables: true });

  testWith(DOCKER, "has it in a network namespace of its own", async () => {
    const [program = "", ...args] = [...engine().inNetwork, "iptables", "-t", "nat", "-S", "POSTROUTING"];
    const { stdout } = await run(program, args);
    expect(stdout).toContain("-j MASQUERADE");
    expect(stdout).toContain(engine().bridgeAddress.replace(/\.1$/, ".0/24"));
    expect(existsSync(`/sys/class/net/${engine().slot.bridge}`)).toBe(false);
  });
});

describe("an Engine whose test was killed", () => {
  testWith(DOCKER, "leaves nothing behind once another run has taken its place", async () => {
    const script = join(import.meta.dirname, "../../support/children/leave-engine.ts");
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const left = JSON.parse(line.toString()) as { folder: string; bridge: string; pids: readonly number[] };
    expect(existsSync(left.folder)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    await using engine = await PrivateEngine.start();
    expect(existsSync(left.folder)).toBe(false);
    await until(() => left.pids.every((pid) => !existsSync(`/proc/${pid}`)));
    expect(await engine.docker("ps", "--all", "--quiet")).toBe("");
    expect(existsSync(`/sys/class/net/${left.bridge}`)).toBe(false);
  });
});
