import { accessSync, constants, existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { embeddedDefault, repositoryRoot } from "../config/default.ts";
import { parseConfig, type RigConfig } from "../config/load.ts";
import { openGpuSource } from "../gpu/open.ts";
import { systemClock } from "../lib/clock.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./errors.ts";
import { ask, compose, DEFAULTS } from "./init-questions.ts";
import { warningsOf } from "./start.ts";

export interface InitOptions {
  readonly yes?: true;
  readonly output: string;
}

/** Writes a commented rig.yaml in mode observe; never over an existing file. */
export async function init({ yes, output }: InitOptions, context: CliContext): Promise<void> {
  const path = resolve(context.cwd, output);
  if (existsSync(path))
    throw new UsageError(`${output} is there already`, {
      code: "ERR_USAGE",
      mend: "move it away, or name another file with --output",
    });
  refuseUnwritable(path, output);
  const { yaml, config } = compose(yes ? DEFAULTS : await ask(context));
  const found = await detect(context);
  try {
    await writeFile(path, yaml, { flag: "wx" });
  } catch (cause) {
    throw unwritable(output, cause);
  }
  context.print(`${found}wrote ${output}: mode observe, nothing is touched until \`rigshift mode auto\`\n`);
  for (const hint of hintsOf(config)) context.print(`${hint}\n`);
  context.print(`next: ${starter(context)} --config ${output}\n`);
}

/** As it is called from where `init` was. */
const starter = ({ cwd }: CliContext): string =>
  resolve(cwd) === repositoryRoot ? "./scripts/start" : join(repositoryRoot, "scripts/start");

/** Before anything is asked. */
function refuseUnwritable(path: string, output: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (cause) {
    throw unwritable(output, cause);
  }
}

function unwritable(output: string, cause: unknown): UsageError {
  const isMissing = systemCodeOf(cause) === "ENOENT";
  const why = isMissing ? "there is no such folder" : (systemCodeOf(cause) ?? messageOf(cause));
  const mend = `${isMissing ? "make the folder" : "let this user write there"}, or name another file with --output`;
  return new UsageError(`${output} cannot be written: ${why}`, { code: "ERR_USAGE", mend }, { cause });
}

function hintsOf(config: RigConfig): readonly string[] {
  return [
    ...warningsOf(config),
    ...(config.market.file === "sample"
      ? ["the coin's price is invented until market.file names a file of your own: README, Prices"]
      : []),
  ];
}

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
