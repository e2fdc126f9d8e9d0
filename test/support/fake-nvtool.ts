import { chmodSync, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { TemporaryDirectory } from "./temporary-directory.ts";

export interface NvtoolScript {
  /** A stand-in's library, whose GPUs change with what is set. */
  readonly library?: string;
  /** What is locked at first, by GPU: cores and memory in MHz. */
  readonly locked?: Readonly<Record<number, readonly [number, number]>>;
  /** Sets nothing and ends so. */
  readonly fails?: { readonly exitCode: number; readonly says?: string };
  /** Sets nothing and hangs, whatever it is told. */
  readonly hangs?: boolean;
  /** No limit is set above this. */
  readonly mostW?: number;
  readonly takesMs?: number;
}

/** Hive OS's `nvtool`, first in `PATH` until it is disposed of. Notes every call, and does what it is told. */
export class FakeNvtool implements Disposable {
  readonly #folder = new TemporaryDirectory("rigshift-fake-nvtool");
  readonly #path = process.env.PATH ?? "";

  constructor(script: NvtoolScript = {}) {
    this.#folder.write("program.cjs", PROGRAM);
    this.follow(script);
    // A shell with a child: who kills the tool must not leave the child behind.
    const run = `#!/bin/sh\n"${process.execPath}" "$(dirname "$0")/program.cjs" "$@"\nexit $?\n`;
    chmodSync(this.#folder.write("nvtool", run), 0o755);
    process.env.PATH = `${this.#folder.path}${delimiter}${this.#path}`;
  }

  follow(script: NvtoolScript): void {
    this.#folder.write("script.json", JSON.stringify(script));
  }

  /** Hive OS's own folder, of which the agent knows it. */
  get hive(): string {
    return this.#folder.path;
  }

  /** The arguments of every call so far, oldest first. */
  get calls(): readonly string[] {
    return this.#lines("calls.log");
  }

  /** Of those the ones that set something. */
  get settings(): readonly string[] {
    return this.#lines("done.log");
  }

  #lines(name: string): readonly string[] {
    const file = join(this.#folder.path, name);
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  [Symbol.dispose](): void {
    process.env.PATH = this.#path;
    this.#folder[Symbol.dispose]();
  }
}

const PROGRAM = `
const fs = require("node:fs");
const { join } = require("node:path");
const file = (name) => join(__dirname, name);
const args = process.argv.slice(2);
fs.appendFileSync(file("calls.log"), args.join(" ") + "\\n");
const script = JSON.parse(fs.readFileSync(file("script.json"), "utf8"));
const index = args[args.indexOf("-i") + 1];
const read = () => (fs.existsSync(file("state.json")) ? JSON.parse(fs.readFileSync(file("state.json"), "utf8")) : {});
const [graphics = 0, memory = 0] = script.locked?.[index] ?? [];
const state = read();
const own = { graphics, memory, ...state[index] };
const value = (name) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : undefined);
const act = () => {
  if (args.includes("--getclocks")) {
    if (own.graphics) console.log("GPU clocks locked at " + own.graphics + " MHz");
    if (own.memory) console.log("MEM clocks locked at " + own.memory + " MHz");
    return;
  }
  own.graphics = value("--setclocks") ?? own.graphics;
  own.memory = value("--setmem") ?? own.memory;
  const limit = value("--setpl");
  fs.writeFileSync(file("state.json"), JSON.stringify({ ...state, [index]: own }));
  fs.appendFileSync(file("done.log"), args.join(" ") + "\\n");
  if (limit !== undefined && script.library) {
    const lines = script.library + ".script";
    fs.appendFileSync(lines, "gpu " + index + " limit " + Math.min(limit, script.mostW ?? limit) + "\\n");
    const at = Date.now() / 1000;
    fs.utimesSync(lines, at, at);
  }
};
if (script.hangs) {
  process.on("SIGTERM", () => {});
  setInterval(() => {}, 1e6);
} else if (script.fails) {
  console.error(script.fails.says ?? "it does not work");
  process.exitCode = script.fails.exitCode;
} else setTimeout(act, script.takesMs ?? 0);
`;
