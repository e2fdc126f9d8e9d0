import { GpuError } from "../errors.ts";

const LONGEST = 1024 * 1024;
const MOST_LINES = 4096;
const MOST_GPUS = 16;

/** One line of a script: from `at` milliseconds on, what `words` say holds. */
export interface Statement {
  readonly at: number;
  readonly words: readonly string[];
}

/** In the order of time; lines of one moment in the order of the file. */
export type Script = readonly Statement[];

/** How many words may follow each word; a GPU's name is as long as it likes. */
const GPU_WORDS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["uuid", [1, 1]],
  ["name", [1, 8]],
  ["pci", [1, 1]],
  ["architecture", [1, 1]],
  ["limit", [1, 1]],
  ["limit-range", [2, 2]],
  ["clocks", [2, 2]],
  ["control", [1, 1]],
  ["temperature", [1, 1]],
  ["fan", [1, 1]],
  ["utilization", [1, 1]],
  ["vram", [1, 1]],
  ["used", [1, 1]],
  ["mig", [1, 1]],
  ["power", [1, 1]],
  ["pulse", [3, 4]],
  ["tick", [1, 1]],
  ["energy", [1, 1]],
  ["process", [1, 2]],
  ["graphics", [1, 2]],
  ["exit", [1, 1]],
  ["sm", [2, 2]],
  ["state", [1, 1]],
  ["lost-after", [1, 1]],
  ["xid", [1, 1]],
  ["field", [2, 2]],
]);
const TEXTS = new Set(["uuid", "name", "pci"]);
const CHOICES: ReadonlyMap<string, readonly string[]> = new Map([
  ["mig", ["on", "off"]],
  ["control", ["allowed", "no-permission", "not-supported"]],
  ["state", ["ok", "lost", "reset-required", "gone"]],
]);
/** Faults of single calls into the driver's library: there are none here, so they say nothing. */
const CALL_WORDS = new Set(["delay", "hang", "hide", "refuse"]);

/** Reads a script; throws `ERR_GPU_SCRIPT` that names the line. The same words drive the tests' stand-in for NVML. */
export function parseScript(text: string, file: string): Script {
  const lines = text.slice(0, LONGEST + 1).split("\n");
  if (text.length > LONGEST || lines.length > MOST_LINES) throw refuse(file, `more than ${MOST_LINES} lines or 1 MiB`);
  const statements: Statement[] = [];
  for (const [index, line] of lines.entries()) {
    const statement = parseLine(line, (what) => refuse(`${file}:${index + 1}`, what, file));
    if (statement !== undefined) statements.push(statement);
  }
  return statements.sort((a, b) => a.at - b.at);
}

type Refuse = (what: string) => GpuError;

function parseLine(line: string, refused: Refuse): Statement | undefined {
  const words = line
    .replace(/(^|\s)#.*$/, "")
    .split(/\s+/)
    .filter((word) => word !== "");
  const at = words[0]?.startsWith("@") ? words.shift()?.slice(1) : "0";
  const [first] = words;
  if (first === undefined) return undefined;
  if (!isNumber(at)) throw refused(`@${at} is no time in milliseconds`);
  if (first === "gpu") checkGpu(words, refused);
  else if (first === "time" && !isNumber(words[1])) throw refused("time needs milliseconds");
  else if ((first === "driver" || first === "upgrade") && words.length !== 2) throw refused(`${first} needs a version`);
  else if (!["time", "driver", "upgrade", "reload"].includes(first) && !CALL_WORDS.has(first))
    throw refused(`${first} is no word`);
  return { at: Number(at), words };
}

function checkGpu([, index, key = "", ...values]: readonly string[], refused: Refuse): void {
  if (!/^\d{1,2}$/.test(index ?? "") || Number(index) >= MOST_GPUS)
    throw refused(`gpu needs a number below ${MOST_GPUS}`);
  const [least, most] = GPU_WORDS.get(key) ?? [];
  if (least === undefined || most === undefined) throw refused(`a GPU has no ${key || "such word"}`);
  if (values.length < least || values.length > most) throw refused(`${key} needs ${least} to ${most} values`);
  const choices = CHOICES.get(key);
  if (choices && !choices.includes(values[0] ?? "")) throw refused(`${key} is one of ${choices.join(", ")}`);
  const isText = TEXTS.has(key) || choices !== undefined;
  if (!isText && !values.every((value) => isNumber(value, key === "temperature")))
    throw refused(`${key} needs numbers`);
  if (key === "pulse" && Number(values[0]) <= 0) throw refused("pulse needs a period above 0");
}

const isNumber = (text: string | undefined, mayBeNegative = false): boolean =>
  text !== undefined && (mayBeNegative ? /^-?\d{1,15}(\.\d{1,9})?$/ : /^\d{1,15}(\.\d{1,9})?$/).test(text);

const refuse = (place: string, what: string, file = place): GpuError =>
  new GpuError(`${place}: ${what}`, {
    code: "ERR_GPU_SCRIPT",
    file,
    mend: "write lines such as `gpu 0 power 250` or `@5000 gpu 0 state lost`",
  });
