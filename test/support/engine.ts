import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";
import { compiled } from "./compiled.ts";
import { type EngineSlot, takeSlot } from "./engine-slot.ts";
import { onPath, type Requirement } from "./requirement.ts";
import { until } from "./until.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const PROGRAMS = ["dockerd", "containerd", "runc", "docker", "ip", "gcc"];
const STUBS = ["nvidia-container-runtime-hook", "nvidia-container-runtime", "nvidia-smi"];
const STOP_WITHIN_MS = 20_000;

/** The Engine's program, never a running Engine: the tests start their own. */
export const DOCKER: Requirement = {
  name: "Docker Engine",
  mend: "run the tests as root after: apt-get install -y --no-install-recommends docker.io docker-cli iproute2 gcc libc6-dev",
  expectedInCi: true,
  present: () => process.platform === "linux" && process.getuid?.() === 0 && PROGRAMS.every(onPath),
};

export interface EngineOptions {
  /** What the machine has to give GPUs to containers; `both` unless said otherwise. */
  readonly injection?: "hook" | "runtime" | "both" | "none";
  /** Containers go on while the Engine is stopped. */
  readonly liveRestore?: boolean;
  /** Masquerades and filters, in a network namespace of its own: only what is started with `inNetwork` reaches it. */
  readonly iptables?: boolean;
}

/** What `scripts/build-images` makes. */
export type ImageName = "base" | "miner" | "engine" | "agent";

/**
 * A real Docker Engine of a test's own: data, sockets, control group, bridge and address pool, nothing shared with the
 * machine's. It ends with this process, and what a killed run left is cleared by the next one.
 */
export class PrivateEngine implements AsyncDisposable {
  readonly slot: EngineSlot;
  readonly #options: EngineOptions;
  #containerd: ChildProcess | undefined;
  #dockerd: ChildProcess | undefined;

  private constructor(slot: EngineSlot, options: EngineOptions) {
    this.slot = slot;
    this.#options = options;
  }

  static async start(options: EngineOptions = {}): Promise<PrivateEngine> {
    const engine = new PrivateEngine(await takeSlot(), options);
    try {
      engine.#prepare();
      await engine.#startContainerd();
      await engine.start();
      await engine.removeEverything();
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  get socketPath(): string {
    return join(this.slot.folder, "docker.sock");
  }

  /** For `DOCKER_HOST`. */
  get host(): string {
    return `unix://${this.socketPath}`;
  }

  /** The address of the default bridge: the machine as containers see it. */
  get bridgeAddress(): string {
    return this.slot.address;
  }

  get pid(): number {
    const pid = this.#dockerd?.pid;
    if (pid === undefined) throw new Error("the Engine does not run");
    return pid;
  }

  /** The last lines that the Engine logged. */
  get log(): string {
    return readFileSync(join(this.slot.folder, "dockerd.log"), "utf8").split("\n").slice(-30).join("\n");
  }

  /** Starts the Engine, or does nothing when it runs; resolves once it answers. */
  async start(): Promise<void> {
    if (this.#dockerd !== undefined) return;
    const { folder } = this.slot;
    const program = this.#spawn("dockerd", ["--config-file", join(folder, "daemon.json"), "--host", this.host]);
    this.#dockerd = program;
    const answers = () => {
      if (hasEnded(program)) throw new Error(`the Engine ended by itself:\n${this.log}`);
      return run("docker", ["--host", this.host, "version"]).then(
        () => true,
        () => false,
      );
    };
    await until(answers, 30_000);
  }

  /** Containers end with it unless `liveRestore` is set. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const program = this.#dockerd;
    this.#dockerd = undefined;
    if (program !== undefined) await end(program, signal);
    rmSync(join(this.slot.folder, "docker.pid"), { force: true });
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Makes the Engine hang: it takes connections and never answers. */
  suspend(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Runs the docker command line against this Engine; resolves to what it wrote, without the last line's end. */
  async docker(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("docker", ["--host", this.host, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trimEnd();
  }

  /** The id of one of the project's images, which is built when it is first asked for in a test run. */
  async image(name: ImageName): Promise<string> {
    const list = join(this.slot.folder, "images.json");
    const built: Partial<Record<ImageName, string>> = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : {};
    const known = built[name];
    if (known !== undefined) return known;
    const env = { ...process.env, DOCKER_HOST: this.host, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    const { stdout } = await run(join(ROOT, "scripts/build-images"), ["--json", name], { env });
    const all = { ...built, ...JSON.parse(stdout) };
    writeFileSync(list, JSON.stringify(all));
    return all[name];
  }

  /** How to run a program where this Engine's networks are; empty while they are the machine's. */
  get inNetwork(): readonly string[] {
    return this.#options.iptables ? ["nsenter", `--net=/run/netns/${this.slot.name}`, "--"] : [];
  }

  /** What containers were given: `container` is the full id, `devices` as `NVIDIA_VISIBLE_DEVICES` has them. */
  get gpuRequests(): readonly { readonly container: string; readonly devices: readonly string[] }[] {
    const path = join(this.slot.folder, "gpu/requests");
    const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
    return lines.map((line) => {
      const [container = "", devices = ""] = line.split(" ");
      return { container, devices: devices.split(",") };
    });
  }

  /** Until called with undefined, no container with a GPU starts, for this reason on the hook's standard error. */
  refuseGpus(reason: string | undefined): void {
    const path = join(this.slot.folder, "gpu/refuse");
    if (reason === undefined) rmSync(path, { force: true });
    else writeFileSync(path, reason);
  }

  /** From now on nvidia-smi fails in containers that hold `uuid`, until one is created anew with it. */
  loseGpu(uuid: string): void {
    writeFileSync(join(this.injected, "lost", uuid), "");
  }

  /** Whether containers with a GPU get nvidia-smi, as NVIDIA's toolkit gives it to those that ask for `utility`. */
  givesSmi(given: boolean): void {
    const path = join(this.slot.folder, "gpu/without-smi");
    if (given) rmSync(path, { force: true });
    else writeFileSync(path, "");
  }

  /** A folder that containers with a GPU see, read-only, as `/usr/local/nvidia`. */
  get injected(): string {
    return join(this.slot.folder, "gpu/inject");
  }

  /** Removes all containers, volumes and networks, and nothing that can be used again: images stay. */
  async removeEverything(): Promise<void> {
    const containers = await this.docker("ps", "--all", "--quiet", "--no-trunc");
    if (containers !== "") await this.docker("rm", "--force", "--volumes", ...containers.split("\n"));
    await this.docker("network", "prune", "--force");
    // By their names: what prune means by all differs between Engines.
    const volumes = await this.docker("volume", "ls", "--quiet");
    for (const volume of volumes.split("\n").filter((name) => name !== ""))
      await this.docker("volume", "rm", "--force", volume).catch((error: unknown) => {
        // An Engine that was restarted under live containers counts their volumes as mounted until its end.
        if (!String(error).includes("active mounts")) throw error;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#dockerd !== undefined && !hasEnded(this.#dockerd)) {
      this.resume();
      await this.removeEverything().catch(() => {
        // The folder is cleared in any case, at the end of the run or by the next one.
      });
    }
    await this.stop();
    if (this.#containerd !== undefined) await end(this.#containerd, "SIGTERM");
    this.#containerd = undefined;
    this.#removeBridge();
    await this.slot.free();
  }

  #prepare(): void {
    const { folder, name, bridge, address, pool } = this.slot;
    const { injection = "both", liveRestore = false, iptables = false } = this.#options;
    this.#installStubs(injection);
    const runtime = { nvidia: { path: join(folder, "gpu/bin/nvidia-container-runtime") } };
    const settings = {
      "data-root": join(folder, "data"),
      "exec-root": join(folder, "exec"),
      pidfile: join(folder, "docker.pid"),
      containerd: join(folder, "containerd.sock"),
      bridge,
      "cgroup-parent": `/${name}`,
      "exec-opts": ["native.cgroupdriver=cgroupfs"],
      "default-address-pools": [{ base: pool, size: 28 }],
      "shutdown-timeout": 1,
      "live-restore": liveRestore,
      iptables,
      ip6tables: false,
      "ip-forward": iptables,
      "ip-masq": iptables,
      ...(injection === "runtime" || injection === "both" ? { runtimes: runtime } : {}),
    };
    writeFileSync(join(folder, "daemon.json"), JSON.stringify(settings));
    writeFileSync(
      join(folder, "containerd.toml"),
      `version = 2\nroot = "${folder}/containerd"\nstate = "${folder}/containerd-run"\n` +
        `disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "${folder}/containerd.sock"\n`,
    );
    this.#removeBridge();
    if (iptables) execFileSync("ip", ["netns", "add", name]);
    if (iptables) this.#ip("link", "set", "lo", "up");
    this.#ip("link", "add", bridge, "type", "bridge");
    this.#ip("addr", "add", `${address}/24`, "dev", bridge);
    this.#ip("link", "set", bridge, "up");
  }

  /** The hook is looked for once, when the Engine starts, and only by its name. */
  #installStubs(injection: EngineOptions["injection"]): void {
    const gpu = join(this.slot.folder, "gpu");
    const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"];
    const program = compiled({ compiler: "gcc", flags, sources: ["test/support/docker/gpu-stub.c"] });
    rmSync(gpu, { recursive: true, force: true });
    mkdirSync(join(gpu, "bin"), { recursive: true });
    for (const name of ["path", "granted"]) mkdirSync(join(gpu, name));
    mkdirSync(join(gpu, "inject/lost"), { recursive: true });
    for (const name of STUBS) copyFileSync(program, join(gpu, "bin", name));
    if (injection !== "hook" && injection !== "both") return;
    const [hook = ""] = STUBS;
    writeFileSync(join(gpu, "path", hook), `#!/bin/sh\nexec "${join(gpu, "bin", hook)}" "$@"\n`, { mode: 0o755 });
  }

  #ip(...args: readonly string[]): void {
    const [program = "ip", ...rest] = [...this.inNetwork, "ip", ...args];
    execFileSync(program, rest, { stdio: ["ignore", "ignore", "pipe"] });
  }

  #removeBridge(): void {
    const { bridge, name } = this.slot;
    if (existsSync(`/sys/class/net/${bridge}`)) execFileSync("ip", ["link", "del", bridge]);
    if (existsSync(`/run/netns/${name}`)) execFileSync("ip", ["netns", "del", name]);
  }

  async #startContainerd(): Promise<void> {
    const program = this.#spawn("containerd", ["--config", join(this.slot.folder, "containerd.toml")]);
    this.#containerd = program;
    const socket = join(this.slot.folder, "containerd.sock");
    await until(() => hasEnded(program) || existsSync(socket), 30_000);
    if (hasEnded(program)) throw new Error("containerd ended by itself");
  }

  /** The kernel ends it when this process ends, however that comes about. */
  #spawn(program: string, args: readonly string[]): ChildProcess {
    const { folder } = this.slot;
    const log = openSync(join(folder, `${program}.log`), "a");
    const [first = program, ...rest] = ["setpriv", "--pdeathsig", "TERM", "--", ...this.inNetwork, program, ...args];
    const env = { ...process.env, PATH: `${join(folder, "gpu/path")}:${process.env.PATH}` };
    return spawn(first, rest, { env, stdio: ["ignore", log, log], detached: true });
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

async function end(program: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (hasEnded(program)) return;
  const exited = once(program, "exit");
  program.kill(signal);
  program.kill("SIGCONT");
  const timer = setTimeout(() => program.kill("SIGKILL"), STOP_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}

/**
 * The Engine of one test file: started before its tests and gone after them. Only tests that are declared with
 * `testWith(DOCKER, …)` may ask for it; where it is missing it is never started.
 */
export function useEngine(options: EngineOptions = {}): () => PrivateEngine {
  let engine: PrivateEngine | undefined;
  beforeAll(async () => {
    if (DOCKER.present()) engine = await PrivateEngine.start(options);
  });
  afterAll(() => engine?.[Symbol.asyncDispose]());
  return () => {
    if (engine === undefined) throw new Error("the Engine was not started");
    return engine;
  };
}
