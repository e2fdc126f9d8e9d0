import { accessSync, constants } from "node:fs";
import type { Check, CheckResult } from "../../lib/check.ts";
import { sayGot } from "../../lib/wanted.ts";
import { parseBusy, parseEarnings, type Said } from "./answers.ts";
import { callHook, type Hook } from "./hooks.ts";
import type { ExternalSpec } from "./program.ts";

interface CheckedExternal extends ExternalSpec {
  readonly gpus?: readonly string[] | undefined;
}

/** Whether the programs of external workloads are there, and their questions are answered; starts and stops nothing. */
export const externalChecks = (externals: readonly CheckedExternal[]): readonly Check[] =>
  externals.map((external) => ({ name: `external ${external.name}`, run: (signal) => look(external, signal) }));

async function look(external: CheckedExternal, signal: AbortSignal): Promise<CheckResult> {
  const { start, stop, busy, earnings } = external;
  const absent = [start, stop].map((hook) => hook && absence(hook)).find((words) => words !== undefined);
  if (absent !== undefined) return { level: "fail", found: absent, mend: "name a program that this user may run" };
  const ask = async <T>(purpose: string, hook: Hook, parse: (text: string) => Said<T>): Promise<Said<T>> => {
    const { name, gpus = [], privateHosts } = external;
    const answer = await callHook(hook, { external: name, gpus, purpose, reason: "", privateHosts }, signal);
    return answer.kind === "failed" ? { kind: "nonsense", reason: answer.reason } : parse(answer.text);
  };
  const isBusy = busy && (await ask("busy", busy.hook, (text) => parseBusy(text, busy.pointer)));
  if (isBusy?.kind === "nonsense") return { level: "fail", found: `busy: ${isBusy.reason}`, mend: MEND };
  const comesIn =
    earnings && (await ask("earnings", earnings.hook, (text) => parseEarnings(text, earnings.pointer, earnings.per)));
  if (comesIn?.kind === "nonsense") return { level: "fail", found: `earnings: ${comesIn.reason}`, mend: MEND };
  const words = [
    isBusy && (isBusy.value ? "a customer uses it" : "no customer uses it"),
    comesIn && `${sayGot(comesIn.value)} USD/h come in`,
  ].filter((one) => one !== undefined);
  return { level: "ok", found: words.join(", ") || "it cannot be asked anything" };
}

const MEND = "run the hook by hand and compare its answer with README, Rent out";

function absence(hook: Hook): string | undefined {
  const [program = ""] = hook.kind === "command" ? hook.command : [];
  if (hook.kind !== "command") return undefined;
  try {
    accessSync(program, constants.X_OK);
    return undefined;
  } catch {
    return `${program} is not there or may not be run`;
  }
}
