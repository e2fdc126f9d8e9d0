import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { parse as parseYaml } from "yaml";
import { embeddedDefault, repositoryRoot } from "../config/default.ts";
import { parseConfig } from "../config/load.ts";
import { openGpuSource } from "../gpu/open.ts";
import { systemClock } from "../lib/clock.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./errors.ts";

export interface InitOptions {
  readonly yes?: true;
  readonly output: string;
}

interface Answers {
  readonly name: string;
  readonly usdPerKwh: string;
  readonly poolUrl: string;
  readonly poolUser: string;
}

const DEFAULTS: Answers = {
  name:
    hostname()
      .replace(/[^\w.-]/g, "-")
      .slice(0, 64) || "rig",
  usdPerKwh: "0.15",
  poolUrl: "devpool",
  poolUser: "wallet.worker",
};

const QUESTIONS: Readonly<Record<keyof Answers, string>> = {
  name: "Name of this rig",
  usdPerKwh: "Price of electricity, USD per kWh",
  poolUrl: "Pool, stratum+tcp://host:port, or devpool to try out",
  poolUser: "User at the pool, usually wallet.worker",
};

/** Writes a commented rig.yaml in mode observe; never over an existing file. */
export async function init({ yes, output }: InitOptions, context: CliContext): Promise<void> {
  const path = resolve(context.cwd, output);
  if (existsSync(path))
    throw new UsageError(`${output} is there already`, {
      code: "ERR_USAGE",
      mend: "move it away, or name another file with --output",
    });
  const answers = yes ? DEFAULTS : await ask(context);
  const yaml = compose(answers);
  await writeFile(path, yaml, { flag: "wx" });
  context.print(
    `${await detect(context)}wrote ${output}: mode observe, nothing is touched until \`rigshift mode auto\`\n`,
  );
  context.print(`next: ./scripts/start --config ${output}\n`);
}

async function ask(context: CliContext): Promise<Answers> {
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  const answers: Record<keyof Answers, string> = { ...DEFAULTS };
  try {
    for (const key of Object.keys(QUESTIONS) as (keyof Answers)[]) {
      const said = await reader.question(`${QUESTIONS[key]} [${DEFAULTS[key]}]: `, { signal: context.signal });
      if (said.trim() !== "") answers[key] = said.trim();
    }
  } finally {
    reader.close();
  }
  return answers;
}

/** The example file with the answers in it; refused as a whole when one of them is no valid value. */
function compose({ name, usdPerKwh, poolUrl, poolUser }: Answers): string {
  const example = readFileSync(join(repositoryRoot, "rig.example.yaml"), "utf8");
  const model = embeddedDefault(repositoryRoot).inference.engine.modelFile;
  const yaml = example
    .replace(/^(# yaml-language-server: \$schema=).*$/m, `$1${join(repositoryRoot, "rig.schema.json")}`)
    .replace(/^ {2}name: rig$/m, () => `  name: ${JSON.stringify(name)}`)
    .replace(/^ {2}usdPerKwh: .*$/m, () => `  usdPerKwh: ${usdPerKwh}`)
    .replace(/^ {2}pools:[^\n]*\n(?: {4}.*\n)+/m, () => poolLines(poolUrl, poolUser))
    .replace(
      /^ {4}modelFile: .*$/m,
      () => `    modelFile: ${JSON.stringify(model)} # the try-out model; name your own GGUF`,
    );
  parseConfig(parseYaml(yaml), "your answers", repositoryRoot);
  return yaml;
}

const poolLines = (url: string, user: string): string =>
  `  pools: # the first is used, the others take over when it fails\n    - url: ${JSON.stringify(url)}\n      user: ${JSON.stringify(user)}\n`;

async function detect(context: CliContext): Promise<string> {
  const config = parseConfig(embeddedDefault(repositoryRoot), "embedded default", repositoryRoot);
  const parts = { clock: systemClock, fallbackId: hostname(), env: context.env };
  const source = await openGpuSource({ ...config, gpus: { source: "auto" } }, parts);
  try {
    const infos = await source.list(context.signal);
    return infos.map(({ index, name }) => `found ${source.kind} ${index}: ${name}\n`).join("");
  } finally {
    await source.close();
  }
}
