import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { repositoryRoot } from "../../../src/config/default.ts";
import { onPath, type Requirement } from "../../support/requirement.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** What Hive OS has, and the package relies on. */
export const hiveMachine: Requirement = {
  name: "an x86-64 Linux with bash, curl, flock and getconf",
  mend: "on Debian: apt-get install bash curl util-linux libc-bin",
  expectedInCi: false,
  present: () =>
    process.platform === "linux" && process.arch === "x64" && ["bash", "curl", "flock", "getconf"].every(onPath),
};

/** Hive OS's watchdog: `wd` starts and stops a systemd unit, here a file. */
const WD = `#!/bin/sh
state=$(dirname "$0")/../wd-active
echo "$1" >>"$(dirname "$0")/../wd-calls"
case $1 in
  start) : >"$state" ;;
  stop) rm -f "$state" ;;
  status) [ -e "$state" ] ;;
esac
`;
const MESSAGE = `#!/bin/sh
echo "$@" >>"$(dirname "$0")/../messages"
`;

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** The package, unpacked as `custom-get` does it, on a machine with what of Hive OS it meets. */
export class HiveRig implements Disposable {
  readonly #directory = new TemporaryDirectory("rigshift-hive");
  readonly archive: string;

  constructor() {
    const { path } = this.#directory;
    const build = join(repositoryRoot, "scripts/build-hiveos");
    this.archive = execFileSync(build, ["--fast", "--output", path], { encoding: "utf8", stdio: "pipe" }).trim();
    execFileSync("tar", ["-xzf", this.archive, "-C", path]);
    // As custom-get rewrites paths in these files.
    execFileSync("sed", ["-i", `s|/var/log/miner|${path}/log|`, join(this.miner, "h-manifest.conf")]);
    for (const [name, text] of [
      ["wd", WD],
      ["message", MESSAGE],
    ] as const)
      chmodSync(this.#directory.write(`bin/${name}`, text), 0o755);
    this.#directory.write("wd-active", "");
  }

  /** The package's folder. */
  get miner(): string {
    return join(this.#directory.path, "rigshift");
  }

  get home(): string {
    return join(this.#directory.path, "home");
  }

  get config(): string {
    return join(this.home, "hiveos/rig.yaml");
  }

  read(name: string): string {
    const path = join(this.#directory.path, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  write(name: string, content: string): string {
    return this.#directory.write(name, content);
  }

  /** Puts a folder of the checkout into the package as well. */
  link(folder: string): void {
    const path = join(this.miner, folder);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(repositoryRoot, folder), path);
  }

  get watchdogRuns(): boolean {
    return existsSync(join(this.#directory.path, "wd-active"));
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.#directory.path, "bin")}:/usr/local/bin:/usr/bin:/bin`,
      HOME: this.#directory.path,
      RIGSHIFT_HOME: this.home,
      LANG: "C.UTF-8",
    };
  }

  /** Starts bash in a process group of its own, as Hive OS's miner screen does. */
  spawn(script: string, variables: Readonly<Record<string, string>> = {}): ChildProcess {
    // The flight sheet is in scope of what is sourced, and exported to nobody.
    const lines = Object.entries(variables).map(([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'`);
    return spawn("bash", ["-c", [...lines, `cd '${this.miner}'`, script].join("\n")], {
      env: this.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async run(script: string, variables: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const child = this.spawn(script, variables);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    await once(child, "close");
    return { code: child.exitCode, output };
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
