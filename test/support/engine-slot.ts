import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const SLOTS = 16;

/** What one private Engine has for itself: a folder, a bridge, a name for its control group and its networks. */
export interface EngineSlot {
  readonly name: string;
  readonly folder: string;
  readonly bridge: string;
  /** The bridge's own address, which containers reach the machine under. */
  readonly address: string;
  /** Where the networks that tests create get their addresses. */
  readonly pool: string;
  /** What miners in containers reach the machine under; the /24 around it is theirs. */
  readonly minerHost: string;
  /** Lets others take the slot. */
  free(): Promise<void>;
}

/** The test run that this process belongs to; its Engines follow each other on one folder and share their images. */
const currentRun = (): string => process.env.RIGSHIFT_TEST_RUN ?? identityOf(process.pid);

/** A process by its id and its start, so that a later one with the same id is not taken for it. */
export function identityOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return `${pid}:${stat.slice(stat.lastIndexOf(")")).split(" ")[20]}`;
}

function isAlive(identity: string): boolean {
  try {
    return identityOf(Number(identity.split(":", 1)[0])) === identity;
  } catch {
    // There is no such process any more.
    return false;
  }
}

/** Takes the slot that this run had before, else a free one, after clearing away what killed runs left in any. */
export async function takeSlot(): Promise<EngineSlot> {
  const numbers = Array.from({ length: SLOTS }, (_, number) => number);
  for (const number of numbers)
    if (isAbandoned(number)) await withLock(number, () => isAbandoned(number) && clearSlot(number));
  const own = (number: number) => Number(ownerOf(number) !== currentRun());
  for (const number of numbers.toSorted((a, b) => own(a) - own(b))) {
    const lock = await tryLock(number);
    if (lock === undefined) continue;
    if (claim(number)) return { ...describe(number), free: () => unlock(lock) };
    await unlock(lock);
  }
  throw new Error(`all ${SLOTS} private Engines of this machine are in use`);
}

/** Makes the slot this run's, unless another run that still goes on owns it. Call with the slot locked. */
function claim(number: number): boolean {
  const owner = ownerOf(number);
  if (owner === currentRun()) return true;
  if (owner !== undefined && isAlive(owner)) return false;
  clearSlot(number);
  mkdirSync(folderOf(number), { mode: 0o755 });
  writeFileSync(join(folderOf(number), "run"), currentRun());
  return true;
}

function isAbandoned(number: number): boolean {
  const owner = ownerOf(number);
  return owner !== undefined && !isAlive(owner);
}

async function withLock(number: number, act: () => unknown): Promise<void> {
  const lock = await tryLock(number);
  if (lock === undefined) return;
  act();
  await unlock(lock);
}

/** Removes everything of the slots that belong to `run`. */
export async function clearRun(run: string): Promise<void> {
  for (let number = 0; number < SLOTS; number++) {
    if (ownerOf(number) === run) await withLock(number, () => clearSlot(number));
  }
}

const folderOf = (number: number): string => join(tmpdir(), `rigshift-docker-${number}`);

const describe = (number: number): Omit<EngineSlot, "free"> => ({
  name: `rigshift-test-${number}`,
  folder: folderOf(number),
  bridge: `rigtest${number}`,
  address: `10.213.${number}.1`,
  pool: `10.214.${number}.0/24`,
  minerHost: `10.82.${100 + number}.1`,
});

function ownerOf(number: number): string | undefined {
  try {
    return readFileSync(join(folderOf(number), "run"), "utf8");
  } catch {
    // Nobody has it.
    return undefined;
  }
}

/** An abstract socket is a lock that the kernel takes back from a process that was killed. */
function tryLock(number: number): Promise<Server | undefined> {
  const server = createServer().unref();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined)).listen(`\0rigshift-docker-${number}`, () => resolve(server));
  });
}

const unlock = (lock: Server): Promise<void> => new Promise((resolve) => lock.close(() => resolve()));

/** Ends and removes whatever an Engine of this slot left, without an Engine's help; nothing of any other is touched. */
function clearSlot(number: number): void {
  const { name, folder, bridge } = describe(number);
  endProcesses(name, folder);
  for (const target of mountsBelow(folder)) attempt("umount", "-l", target);
  for (const link of [bridge, ...networkBridges(folder)]) attempt("ip", "link", "del", link);
  if (existsSync(`/run/netns/${name}`)) attempt("ip", "netns", "del", name);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  for (const group of groupsOf(name)) removeGroup(group);
}

/** The Engine and its shims are known by their folder, containers by their control group. */
function endProcesses(name: string, folder: string): void {
  for (let round = 0; round < 50; round++) {
    const left = [...processesOf(folder), ...containedBy(name)];
    if (left.length === 0) return;
    for (const pid of left) kill(pid);
    execFileSync("sleep", ["0.02"]);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function processesOf(folder: string): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => /^(dockerd|containerd|containerd-shim.*|docker-proxy)$/.test(programOf(pid)))
    .filter((pid) => readOr(`/proc/${pid}/cmdline`).includes(`${folder}/`))
    .map(Number);
}

const programOf = (pid: string): string => basename(readOr(`/proc/${pid}/cmdline`).split("\0", 1)[0] ?? "");

/** Thaws as it looks: a frozen process cannot even be killed on version 1. */
function containedBy(name: string): readonly number[] {
  const folders = groupsOf(name).flatMap((group) => [group, ...subgroups(group)]);
  for (const folder of folders) {
    writeIfThere(join(folder, "freezer.state"), "THAWED");
    writeIfThere(join(folder, "cgroup.freeze"), "0");
  }
  const pids = folders.flatMap((folder) => readOr(join(folder, "cgroup.procs")).split("\n"));
  return [...new Set(pids.filter((line) => line !== "").map(Number))];
}

const groupsOf = (name: string): readonly string[] =>
  [`/sys/fs/cgroup/${name}`, ...globSync(`/sys/fs/cgroup/*/${name}`)].filter((path) => existsSync(path));

function subgroups(group: string): readonly string[] {
  const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return below.flatMap(({ name }) => [...subgroups(join(group, name)), join(group, name)]);
}

function removeGroup(group: string): void {
  for (const folder of [...subgroups(group), group]) attempt("rmdir", folder);
}

function mountsBelow(folder: string): readonly string[] {
  const targets = readOr("/proc/self/mounts")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  return targets.filter((target) => target.startsWith(`${folder}/`)).reverse();
}

/** The Engine's own list of networks names the bridges that it made. */
function networkBridges(folder: string): readonly string[] {
  const list = readOr(join(folder, "data/network/files/local-kv.db"));
  const named = [...list.matchAll(/"BridgeName":"([\w.-]{1,15})"/g)].map(([, bridge = ""]) => bridge);
  return [...new Set(named)].filter((bridge) => bridge !== "docker0" && existsSync(`/sys/class/net/${bridge}/bridge`));
}

function readOr(path: string, otherwise = ""): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // What is gone has nothing to say.
    return otherwise;
  }
}

function writeIfThere(path: string, text: string): void {
  if (!existsSync(path)) return;
  try {
    writeFileSync(path, text);
  } catch {
    // The group went away meanwhile.
  }
}

function attempt(program: string, ...args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: "ignore" });
  } catch {
    // It was gone already, or goes with the next run's clearing.
  }
}
