import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { parse as parseYaml } from "yaml";
import { embeddedDefault, repositoryRoot } from "../config/default.ts";
import { ConfigError } from "../config/errors.ts";
import { parseConfig, type RigConfig } from "../config/load.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./errors.ts";

/** What a new rig.yaml cannot do without, as it was typed. */
export interface Answers {
  readonly name: string;
  readonly usdPerKwh: string;
  readonly poolUrl: string;
  readonly poolUser: string;
  readonly usdPerMillionTokensIn: string;
  readonly usdPerMillionTokensOut: string;
}

export const DEFAULTS: Answers = {
  name:
    hostname()
      .replace(/[^\w.-]/g, "-")
      .slice(0, 64) || "rig",
  usdPerKwh: "0.15",
  poolUrl: "devpool",
  poolUser: "wallet.worker",
  usdPerMillionTokensIn: "0.5",
  usdPerMillionTokensOut: "1.5",
};

const QUESTIONS: Readonly<Record<keyof Answers, string>> = {
  name: "Name of this rig",
  usdPerKwh: "Price of electricity, USD per kWh",
  poolUrl: "Pool, stratum+tcp://host:port, or devpool to try out",
  poolUser: "User at the pool, usually wallet.worker",
  usdPerMillionTokensIn: "What a customer pays for a million tokens read, USD",
  usdPerMillionTokensOut: "What a customer pays for a million tokens written, USD",
};
const KEYS = Object.keys(QUESTIONS) as (keyof Answers)[];

/**
 * Asks one question after the other. At a terminal a wrong answer is asked for again; answers that come through a pipe
 * are checked as well, and where they end the defaults stand in.
 */
export async function ask(context: CliContext): Promise<Answers> {
  const input = context.input?.() ?? Readable.from([]);
  const isTerminal = "isTTY" in input && input.isTTY === true;
  const reader = createInterface({ input, terminal: false, signal: context.signal });
  const lines = reader[Symbol.asyncIterator]();
  const answers: Record<keyof Answers, string> = { ...DEFAULTS };
  try {
    for (let index = 0; index < KEYS.length; ) {
      const key = KEYS[index] ?? "name";
      context.print(`${QUESTIONS[key]} [${DEFAULTS[key]}]: `);
      const { done, value } = await lines.next();
      context.signal.throwIfAborted();
      if (done) return atEnd(KEYS.slice(index), answers, isTerminal, context);
      if (!isTerminal) context.print("\n");
      const objection = take(key, value.trim(), answers);
      if (objection === undefined) index++;
      else if (isTerminal) context.print(`  ${objection}\n`);
      else throw wrongAnswer(QUESTIONS[key], objection);
    }
    return answers;
  } finally {
    reader.close();
  }
}

function atEnd(left: readonly (keyof Answers)[], answers: Answers, isTerminal: boolean, context: CliContext): Answers {
  context.print("\n");
  if (isTerminal)
    throw new UsageError("the questions were left before the last answer, and nothing was written", {
      code: "ERR_USAGE",
      mend: "answer them all, or take the defaults with --yes",
    });
  context.print(`no more answers: took the default for ${left.join(", ")}\n`);
  return answers;
}

/** Keeps a valid answer; returns what is wrong with any other. An empty one is the default. */
function take(key: keyof Answers, said: string, answers: Record<keyof Answers, string>): string | undefined {
  if (said === "") return undefined;
  const objection = objectTo(key, said);
  if (objection === undefined) answers[key] = said;
  return objection;
}

function objectTo(key: keyof Answers, said: string): string | undefined {
  try {
    compose({ ...DEFAULTS, [key]: said });
    return undefined;
  } catch (error) {
    const issue = error instanceof ConfigError ? error.facts.issues?.[0] : undefined;
    if (issue === undefined) throw error;
    return `got ${issue.got}, wanted ${issue.wanted}`;
  }
}

const wrongAnswer = (question: string, objection: string): UsageError =>
  new UsageError(`${question}: ${objection}`, {
    code: "ERR_USAGE",
    mend: "correct this answer, or take the defaults with --yes; nothing was written",
  });

/** A plain number as it is, anything else as text, which the schema then refuses by name. */
const toNumber = (said: string): string => (/^\d{1,9}(\.\d{1,12})?$/.test(said) ? said : JSON.stringify(said));

/** Twice the wear of the two switches that policy.wearUsdPerSwitch assumes, so that a lone request is answered. */
const WAKE_VALUE =
  "  wakeValueUsd: 0.002 # what answering a lone request is worth beside its tokens, USD; 0: only what the tokens cover";

/** The example file with the answers in it, and what loading makes of it; throws `ERR_CONFIG_INVALID` on a wrong one. */
export function compose(answers: Answers): { readonly yaml: string; readonly config: RigConfig } {
  const example = readFileSync(join(repositoryRoot, "rig.example.yaml"), "utf8");
  const model = embeddedDefault(repositoryRoot).inference.engine.modelFile;
  const yaml = example
    .replace(/^(# yaml-language-server: \$schema=).*$/m, `$1${join(repositoryRoot, "rig.schema.json")}`)
    .replace(/^ {2}name: rig$/m, () => `  name: ${JSON.stringify(answers.name)}`)
    .replace(/^ {2}usdPerKwh: .*$/m, () => `  usdPerKwh: ${toNumber(answers.usdPerKwh)}`)
    .replace(/^ {2}pools:[^\n]*\n(?: {4}.*\n)+/m, () => poolLines(answers))
    .replace(
      /^ {2}usdPerMillionTokensIn: \S+/m,
      () => `  usdPerMillionTokensIn: ${toNumber(answers.usdPerMillionTokensIn)}`,
    )
    .replace(
      /^ {2}usdPerMillionTokensOut: \S+/m,
      () => `  usdPerMillionTokensOut: ${toNumber(answers.usdPerMillionTokensOut)}`,
    )
    .replace(/^ {2}wakeValueUsd: .*$/m, WAKE_VALUE)
    .replace(
      /^ {4}modelFile: .*$/m,
      () => `    modelFile: ${JSON.stringify(model)} # the try-out model; name your own GGUF`,
    );
  return { yaml, config: parseConfig(parseYaml(yaml), "your answers", repositoryRoot) };
}

const poolLines = ({ poolUrl, poolUser }: Answers): string =>
  `  pools: # the first is used, the others take over when it fails\n    - url: ${JSON.stringify(poolUrl)}\n      user: ${JSON.stringify(poolUser)}\n`;
