import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import type { PrivateEngine } from "../engine.ts";
import { NvmlStandIn } from "./stand-in.ts";

/** One invented card, in MiB: its memory, and what each side takes of it. */
export interface Card {
  readonly vram: number;
  readonly miner: number;
  readonly engine: number;
  /** What an engine keeps that sleeps. */
  readonly asleep: number;
  /** `ignores` keeps all its memory whatever it says of its sleep. */
  readonly sleeps?: "honestly" | "ignores";
}

interface Occupant {
  readonly card: number;
  readonly role: string;
  /** Of the container's first process, which is not the one on the card. */
  readonly pid: number;
  readonly frozen: boolean;
  /** MiB of a container that is not the rig's. */
  readonly mib: number;
}

const LOOK_EVERY_MS = 40;
/** A sensor that says the same again and again is not believed. */
const POWER = "pulse 700 140 160 0.5";

export const cardUuid = (index: number): GpuUuid => `GPU-00000000-0000-0000-0000-${String(index).padStart(12, "0")}`;

/**
 * Cards whose programs, memory and use are those of the containers that really run on an Engine, by their labels
 * `rigshift.gpu` and `rigshift.role`, or `test.card` and `test.mib` for containers of others. What the cards claim
 * beside that is the test's to say.
 */
export class OccupiedCards implements AsyncDisposable {
  readonly standIn = new NvmlStandIn([], [], "real");
  /** MiB that stay in use on a card though no program has them. */
  readonly kept = new Map<number, number>();
  /** Lines of the script behind all others. */
  readonly claims: string[] = [];
  readonly #engine: PrivateEngine;
  readonly #cards: readonly Card[];
  readonly #stop = new AbortController();
  #occupants: readonly Occupant[] = [];
  #said = "";
  #done: Promise<unknown> = Promise.resolve();

  private constructor(engine: PrivateEngine, cards: readonly Card[]) {
    this.#engine = engine;
    this.#cards = cards;
  }

  static async start(engine: PrivateEngine, cards: readonly Card[]): Promise<OccupiedCards> {
    const occupied = new OccupiedCards(engine, cards);
    await occupied.#ask();
    occupied.say();
    occupied.#done = Promise.all([occupied.#follow(), occupied.#look()]);
    return occupied;
  }

  /** Writes what is so now into the stand-in's script; done by itself many times a second. */
  say(): void {
    const lines = this.#cards.flatMap((card, index) => this.#linesOf(card, index));
    const all = [...lines, ...this.claims];
    if (all.join() === this.#said) return;
    this.#said = all.join();
    this.standIn.says(...all);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
    this.standIn[Symbol.dispose]();
  }

  #linesOf(card: Card, index: number): readonly string[] {
    const here = this.#occupants.filter((one) => one.card === index).flatMap((one) => programOf(one, card));
    const busy = here.some(({ isBusy }) => isBusy);
    return [
      `gpu ${index} vram ${card.vram}`,
      `gpu ${index} ${POWER}`,
      `gpu ${index} used ${this.kept.get(index) ?? 0}`,
      `gpu ${index} utilization ${busy ? 100 : 0}`,
      ...here.map(({ pid, mib }) => `gpu ${index} runs ${pid} ${mib}`),
      ...here.map(({ pid, isBusy }) => `gpu ${index} sm ${pid} ${isBusy ? 90 : 0}`),
    ];
  }

  async #look(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.say();
      await pause(LOOK_EVERY_MS);
    }
  }

  /** Asks anew after every event; while the Engine is away, what was known stays. */
  async #follow(): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ type: ["container"] }));
    while (!this.#stop.signal.aborted) {
      try {
        const events = await this.#get(`/events?filters=${filters}`);
        await this.#ask();
        for await (const _ of events) await this.#ask();
      } catch {
        // It was stopped, or stands still; or the test ends.
      }
      await pause(50);
    }
  }

  async #ask(): Promise<void> {
    const list = (await this.#json("/containers/json")) as readonly { readonly Id: string }[];
    const asked = list.map(({ Id }) => this.#json(`/containers/${Id}/json`).catch(() => undefined));
    this.#occupants = (await Promise.all(asked)).flatMap((answer) => occupantOf(answer as Inspected | undefined));
    this.say();
  }

  async #json(path: string): Promise<unknown> {
    const parts: Buffer[] = [];
    for await (const part of await this.#get(path)) parts.push(part as Buffer);
    return JSON.parse(Buffer.concat(parts).toString());
  }

  #get(path: string): Promise<AsyncIterable<unknown>> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#stop;
      request({ socketPath: this.#engine.socketPath, path, signal }, (response) => {
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        reject(new Error(`${path}: ${response.statusCode}`));
      })
        .on("error", reject)
        .end();
    });
  }
}

interface Inspected {
  readonly State: { readonly Pid: number; readonly Paused: boolean };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
}

function occupantOf(answer: Inspected | undefined): readonly Occupant[] {
  if (answer === undefined || answer.State.Pid === 0) return [];
  const labels = answer.Config.Labels;
  const cards = (labels["rigshift.gpu"] ?? labels["test.card"] ?? "").split(",").filter(Boolean);
  return cards.map((uuid) => ({
    card: Number(uuid.slice(-12)),
    role: labels["rigshift.role"] ?? "stranger",
    pid: answer.State.Pid,
    frozen: answer.State.Paused,
    mib: Number(labels["test.mib"] ?? 0),
  }));
}

/** The program on the card is begun by the container's first process; undefined before that, and after its end. */
function programOf({ pid, role, frozen, mib }: Occupant, card: Card) {
  const program = childOf(pid);
  if (program === undefined) return [];
  const rests = existsSync(`/proc/${program}/root/tmp/rests`);
  if (role === "miner") return [{ pid: program, mib: card.miner, isBusy: !frozen && !rests }];
  const sleeps = rests && card.sleeps !== "ignores";
  if (role === "engine") return [{ pid: program, mib: sleeps ? card.asleep : card.engine, isBusy: false }];
  return [{ pid: program, mib, isBusy: true }];
}

function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    return child === undefined ? undefined : Number(child);
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
