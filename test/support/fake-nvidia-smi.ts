import { chmodSync, existsSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { readProcess } from "../../src/workloads/process-table.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

interface Ending {
  /** Never ends by itself. */
  readonly hangs?: boolean;
  /** Ignores a polite request to end. */
  readonly stubborn?: boolean;
  readonly exitCode?: number;
}

/** What the program does; it looks again before every round that it prints. */
export interface SmiScript {
  /** `nvidia-smi -q -x`. */
  readonly xml: Ending & { readonly stdout?: string; readonly stderr?: string };
  /** The query that repeats itself. */
  readonly query?: Ending & {
    /** The fields of this driver; all when absent. */
    readonly knows?: readonly string[];
    /** One row per GPU, cells by field; what is missing is `[N/A]`. */
    readonly rows?: readonly Readonly<Record<string, string>>[];
    /** Printed first, as it stands. */
    readonly raw?: string;
    /** How often the rows are printed before it ends; without end when absent. */
    readonly rounds?: number;
  };
}

/** A program `nvidia-smi` that comes first in `PATH` until it is disposed of. Every start of it is noted. */
export class FakeNvidiaSmi implements Disposable {
  readonly #folder = new TemporaryDirectory("rigshift-fake-smi");
  readonly #path = process.env.PATH ?? "";

  constructor(script: SmiScript) {
    this.#folder.write("program.cjs", PROGRAM);
    this.follow(script);
    chmodSync(
      this.#folder.write("nvidia-smi", `#!/bin/sh\nexec "${process.execPath}" "$(dirname "$0")/program.cjs" "$@"\n`),
      0o755,
    );
    process.env.PATH = `${this.#folder.path}${delimiter}${this.#path}`;
  }

  /** From now on the program does this; what is printed next comes from it. */
  follow(script: SmiScript): void {
    renameSync(this.#folder.write("script.new", JSON.stringify(script)), join(this.#folder.path, "script.json"));
  }

  /** Every start so far, oldest first. */
  starts(): readonly { readonly pid: number; readonly args: readonly string[] }[] {
    const log = join(this.#folder.path, "starts.log");
    const text = existsSync(log) ? readFileSync(log, "utf8") : "";
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  }

  queryStarts() {
    return this.starts().filter(({ args }) => !args.includes("-x"));
  }

  xmlStarts() {
    return this.starts().filter(({ args }) => args.includes("-x"));
  }

  [Symbol.dispose](): void {
    process.env.PATH = this.#path;
    for (const { pid } of this.starts().filter((start) => isRunning(start.pid))) process.kill(pid, "SIGKILL");
    this.#folder[Symbol.dispose]();
  }
}

/** Whether the process is there and not merely waiting to be collected. */
export const isRunning = (pid: number): boolean => readProcess(pid)?.zombie === false;

const PROGRAM = `
const fs = require("node:fs");
const { join } = require("node:path");
const args = process.argv.slice(2);
fs.appendFileSync(join(__dirname, "starts.log"), JSON.stringify({ pid: process.pid, args }) + "\\n");
const script = () => JSON.parse(fs.readFileSync(join(__dirname, "script.json"), "utf8"));
const end = ({ hangs, stubborn, exitCode = 0 }) => {
  if (stubborn) process.on("SIGTERM", () => {});
  if (hangs) setInterval(() => {}, 1e6);
  else process.exitCode = exitCode;
};
const option = (name) => (args.find((arg) => arg.startsWith(name)) ?? "").slice(name.length);
if (args.includes("-x")) {
  const { xml } = script();
  process.stdout.write(xml.stdout ?? "");
  process.stderr.write(xml.stderr ?? "");
  end(xml);
} else {
  const asked = option("--query-gpu=").split(",");
  const { query = {} } = script();
  const unknown = asked.find((field) => query.knows && !query.knows.includes(field));
  if (unknown) {
    process.stdout.write('Field "' + unknown + '" is not a valid field to query.\\n\\n');
    process.exitCode = 2;
  } else {
    process.stdout.write(query.raw ?? "");
    let round = 0;
    const print = () => {
      const { rows = [], rounds = Infinity, ...ending } = script().query ?? {};
      if (round >= rounds) {
        clearInterval(timer);
        end(ending);
        return;
      }
      round += 1;
      for (const row of rows) process.stdout.write(asked.map((field) => row[field] ?? "[N/A]").join(", ") + "\\n");
    };
    const timer = setInterval(print, Number(option("--loop-ms=")));
    print();
  }
}
`;

interface XmlParser {
  parseString(text: string, options: object, done: (error: unknown, document: unknown) => void): void;
}

const fromHere = createRequire(import.meta.url);
const xml2js: XmlParser = createRequire(fromHere.resolve("node-nvidia-smi"))("xml2js");

/** The objects that node-nvidia-smi makes of `xml`; throws what its parser complains about. */
export function toDocument(xml: string): unknown {
  let outcome: { readonly error: unknown; readonly document: unknown } | undefined;
  xml2js.parseString(xml, { explicitArray: false, trim: true }, (error, document) => {
    outcome ??= { error, document };
  });
  if (outcome?.error) throw outcome.error;
  return outcome?.document;
}
