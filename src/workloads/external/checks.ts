import { accessSync, constants } from "node:fs";
import type { GpuUuid } from "../../ledger/rows.ts";
import type { Check, CheckResult } from "../../lib/check.ts";
import { sayGot } from "../../lib/wanted.ts";
import { parseBusy, parseEarnings, type Said } from "./answers.ts";
import { callHook, type Hook } from "./hooks.ts";
import type { ExternalSpec } from "./program.ts";
import { type SetTerms, setsOf } from "./sets.ts";

type CheckedExternal = ExternalSpec & SetTerms;

/**
 * Whether the programs of external workloads are there, and their questions are answered for each of their sets among
 * the GPUs `present`; starts and stops nothing.
 */
export const externalChecks = (
  externals: readonly CheckedExternal[],
  present: (signal: AbortSignal) => Promise<readonly GpuUuid[]>,
): readonly Check[] =>
  externals.map((external) => ({
    name: `external ${external.name}`,
    run: async (signal) => look(external, await present(signal), signal),
  }));

async function look(external: CheckedExternal, present: readonly GpuUuid[], signal: AbortSignal): Promise<CheckResult> {
  const missing = [external.start, external.stop].map((hook) => hook && absence(hook)).find((words) => words);
  if (missing !== undefined) return { level: "fail", found: missing, mend: "name a program that this user may run" };
  const { sets, absent } = setsOf(external, present);
  const lacking = `this rig has no ${absent.join(", ")}`;
  const take = "take UUIDs that `rigshift gpus` lists";
  if (sets.length === 0)
    return {
      level: "fail",
      found: absent.length > 0 ? `${lacking}, so it takes none` : "this rig has no GPU",
      mend: take,
    };
  // As the agent does: one question for each set.
  const told = await Promise.all(sets.map(async (gpus) => ({ gpus, ...(await askAbout(external, gpus, signal)) })));
  const bad = told.find(({ fault }) => fault !== undefined);
  if (bad?.fault !== undefined)
    return { level: "fail", found: told.length === 1 ? bad.fault : `${bad.gpus.join(", ")}: ${bad.fault}`, mend: MEND };
  const isSame = new Set(told.map(({ words }) => words)).size === 1;
  const found = isSame
    ? (told[0]?.words ?? "")
    : told.map(({ gpus, words }) => `${gpus.join(", ")}: ${words}`).join("; ");
  return absent.length > 0 ? { level: "warn", found: `${found}; ${lacking}`, mend: take } : { level: "ok", found };
}

interface Told {
  readonly words: string;
  readonly fault?: string;
}

async function askAbout(external: ExternalSpec, gpus: readonly GpuUuid[], signal: AbortSignal): Promise<Told> {
  const { name, busy, earnings, privateHosts } = external;
  const ask = async <T>(purpose: string, hook: Hook, parse: (text: string) => Said<T>): Promise<Said<T>> => {
    const answer = await callHook(hook, { external: name, gpus, purpose, reason: "", privateHosts }, signal);
    return answer.kind === "failed" ? { kind: "nonsense", reason: answer.reason } : parse(answer.text);
  };
  const isBusy = busy && (await ask("busy", busy.hook, (text) => parseBusy(text, busy.pointer)));
  if (isBusy?.kind === "nonsense") return { words: "", fault: `busy: ${isBusy.reason}` };
  const comesIn =
    earnings && (await ask("earnings", earnings.hook, (text) => parseEarnings(text, earnings.pointer, earnings.per)));
  if (comesIn?.kind === "nonsense") return { words: "", fault: `earnings: ${comesIn.reason}` };
  const words = [
    isBusy && (isBusy.value ? "a customer uses it" : "no customer uses it"),
    comesIn && `${sayGot(comesIn.value)} USD/h come in`,
  ].filter((one) => one !== undefined);
  return { words: words.join(", ") || "it cannot be asked anything" };
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
