import type { RecordedTransition } from "../../src/ledger/transitions.ts";
import { ContainerRig, MEASURED_BEFORE } from "../support/container-rig.ts";
import type { PrivateEngine } from "../support/engine.ts";
import { type Card, cardUuid } from "../support/nvml/occupied-cards.ts";
import type { Times } from "./times.ts";

export const RUNGS = ["warm", "freeze", "sleep", "cold"] as const;
export type Repeated = Exclude<(typeof RUNGS)[number], "cold">;

/** By what fits into its memory, a card takes one rung. */
const CARD_OF: Readonly<Record<Repeated, Card>> = {
  freeze: { vram: 24_576, miner: 4000, engine: 8000, asleep: 800 },
  sleep: { vram: 24_576, miner: 15_000, engine: 12_000, asleep: 800 },
  warm: { vram: 24_576, miner: 15_000, engine: 20_000, asleep: 20_000 },
};
const SETTLES = 3;

const never = new AbortController().signal;

export interface Turn {
  readonly engine: PrivateEngine;
  readonly images: { readonly miner: string; readonly engine: string };
  readonly times: Times;
  readonly cycles: number;
}

/** The first card's containers, and where they answer. */
export interface Work {
  readonly miner: string;
  readonly engine: string;
  readonly minerSocket: string;
  readonly engineSocket: string;
}

async function worksOf(rig: ContainerRig, engine: PrivateEngine): Promise<Work> {
  const found = await rig.driver.adopt(never);
  const of = async (role: "miner" | "engine") => {
    const id = found.find((one) => one.role === role && one.gpus.includes(cardUuid(0)))?.container ?? "";
    const format = "{{range .Mounts}}{{.Source}}{{end}}";
    return [id, `${await engine.docker("inspect", "--format", format, id)}/${role}.sock`] as const;
  };
  const [[miner, minerSocket], [serving, engineSocket]] = [await of("miner"), await of("engine")];
  return { miner, engine: serving, minerSocket, engineSocket };
}

/** The agent hands one card over and back; what is left of it is stopped. */
export async function rigTurn(rung: Repeated, { engine, images, times, cycles }: Turn): Promise<Work> {
  await using rig = await ContainerRig.start({ engine, images, cards: [CARD_OF[rung]] });
  const seen = new Set<number>();
  const rows = (): readonly RecordedTransition[] =>
    rig.ledger.transitions.list(50).filter(({ id, rung: taken, detail }) => !seen.has(id) && taken === rung && !detail);
  for (let cycle = 0; cycle < SETTLES + cycles; cycle++) {
    await rig.reach(0, "hashing", 90_000);
    if (rung === "freeze" && cycle > 0) await rig.until(() => rig.gpu(0).engine?.kind === "ready");
    for (const { id } of rows()) seen.add(id);
    const began = performance.now();
    const { granted, jobId } = rig.ask();
    const grant = await granted;
    const waited = performance.now() - began;
    await rig.release(grant, jobId);
    await rig.until(() => rows().length >= 2 || cycle < SETTLES);
    await rig.reach(0, "hashing");
    if (cycle < SETTLES) continue;
    times.add(`${rung}: request until granted`, waited);
    for (const { from, duration = 0 } of rows()) times.add(`${rung}: agent, from ${from}`, duration);
  }
  await rig.stop();
  return await worksOf(rig, engine);
}

const SIDES = [
  ["mine", "hashing"],
  ["serve", "inference"],
] as const;

/** The agent hands each of its cards over once, to work that never ran there; what is left is stopped. */
export async function coldTurn({ engine, images, times, cycles }: Turn): Promise<Work> {
  const cards = Array.from({ length: 2 * cycles }, () => CARD_OF.warm);
  await using rig = await ContainerRig.start({ engine, images, cards, config: { mode: "pause" } });
  for (const index of cards.keys()) {
    const [before, after] = index % 2 === 0 ? SIDES : SIDES.toReversed();
    if (before === undefined || after === undefined) continue;
    for (const [mode, workload] of [before, after]) {
      rig.mode(mode, index);
      await rig.reach(index, workload);
    }
    rig.mode("pause", index);
    await rig.reach(index, "none");
  }
  await rig.stop();
  const rows = rig.ledger.transitions.list(100).filter(({ reason }) => reason !== MEASURED_BEFORE);
  for (const { from, rung, duration = 0 } of rows.filter(({ from, to }) => from !== "none" && to !== "none")) {
    if (rung !== "cold") throw new Error(`from ${from} the rung was ${rung}`);
    times.add(`cold: agent, from ${from}`, duration);
  }
  return await worksOf(rig, engine);
}
