import type { ShareRow } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { difficultyLine, extranonceLine, notifyLine, refusalLine, versionMaskLine } from "./bitcoin-v1-lines.ts";
import { BitcoinV1Pool, type LoginStep, type MinerFront } from "./bitcoin-v1-pool.ts";
import type { Line, MinerEffects, MinerSession, PoolEffects, PoolSession } from "./dialect.ts";
import type { StratumId } from "./fields.ts";
import { type Extranonce, parseLine, type StratumMessage } from "./parser.ts";
import type { Pool } from "./pools.ts";
import { REFUSALS } from "./verdict.ts";

const MAX_STEPS = 32;
/** So many lines that make no sense and the miner is cut off. */
const MAX_STRIKES = 10;

/** One miner in Bitcoin's Stratum V1: its login, and what it was last told, across all pool connections behind it. */
export class BitcoinV1Session implements MinerSession, MinerFront {
  readonly #effects: MinerEffects;
  readonly #clock: Clock;
  readonly #steps = new Map<string, LoginStep>();
  readonly #workers = new Set<string>();
  #sides: BitcoinV1Pool[] = [];
  /** The pool connection that serves the miner, or the last one that did. */
  #active: BitcoinV1Pool | undefined;
  #told: Extranonce | undefined;
  #toldMask = 0;
  #takesExtranonce = false;
  #strikes = 0;

  constructor(effects: MinerEffects, clock: Clock) {
    this.#effects = effects;
    this.#clock = clock;
  }

  get loggedIn(): boolean {
    return this.#steps.size > 0;
  }

  onLine(line: Buffer): void {
    const message = parseLine(line);
    switch (message.kind) {
      case "subscribe":
      case "configure":
      case "suggest-difficulty":
        this.#addStep(message.kind, message, line);
        break;
      case "extranonce-subscribe":
        this.#takesExtranonce = true;
        this.#addStep(message.kind, message, line);
        break;
      case "authorize":
        this.#authorize(message, line);
        break;
      case "submit":
        this.#submit(message);
        break;
      case "response":
        if (this.#active?.serving) this.#active.sendRaw(line);
        break;
      case "other":
        this.#pass(message.id, line);
        break;
      case "malformed":
        this.#strike(message.id, message.reason);
        break;
      default:
        this.#strike(null, `a miner does not send ${message.kind}`);
    }
  }

  open(pool: Pool, effects: PoolEffects): PoolSession {
    const side = new BitcoinV1Pool(pool, effects, { front: this, clock: this.#clock });
    this.#sides = [...this.#sides.filter(({ live }) => live), side];
    // Until the miner has an extranonce there is nothing to reconcile: everything passes as it comes.
    if (this.#told === undefined) {
      this.#active = side;
      side.serving = true;
    }
    for (const step of this.#steps.values()) side.sendStep(step);
    return side;
  }

  adopt(session: PoolSession): void {
    const side = this.#sides.find((other) => other === session);
    if (!side?.live || side.serving) return;
    if (this.#active) this.#active.serving = false;
    this.#active = side;
    this.#present(side);
  }

  relay(line: Line): void {
    this.#effects.toMiner(line);
  }

  toldExtranonce(extranonce: Extranonce): void {
    this.#told = extranonce;
  }

  toldMask(mask: number): void {
    this.#toldMask = mask;
  }

  recordShare(share: ShareRow): void {
    this.#effects.recordShare(share);
  }

  /** Brings a miner that worked for another connection onto this one, or sends it away to log in anew. */
  #present(side: BitcoinV1Pool): void {
    const { extranonce, difficulty, current } = side.jobs;
    if (!extranonce || !current) return;
    if (!isSame(extranonce, this.#told)) {
      if (!this.#takesExtranonce) {
        this.#effects.dropMiner("the new pool connection has another extranonce, which this miner cannot take over");
        return;
      }
      this.#effects.toMiner(extranonceLine(extranonce));
      this.#told = extranonce;
    }
    if (side.mask !== this.#toldMask) this.#effects.toMiner(versionMaskLine(side.mask));
    this.#toldMask = side.mask;
    this.#effects.toMiner(difficultyLine(difficulty));
    this.#effects.toMiner(notifyLine(current, true));
    side.serving = true;
  }

  #addStep(kind: LoginStep["kind"], { id }: { readonly id: StratumId }, line: Buffer, key: string = kind): void {
    if (!this.#steps.has(key) && this.#steps.size >= MAX_STEPS) {
      this.#effects.dropMiner("the miner logs in without end");
      return;
    }
    // Copied: it outlives the read buffer that the line is a part of.
    const step: LoginStep = { kind, id, line: Buffer.from(line), answered: false };
    this.#steps.set(key, step);
    for (const side of this.#sides) if (side.live) side.sendStep(step);
  }

  #authorize({ id, worker }: Extract<StratumMessage, { kind: "authorize" }>, line: Buffer): void {
    if (this.#effects.gpuOf(worker) === undefined) {
      this.#effects.toMiner(refusalLine(id, REFUSALS.unauthorized, "This worker is not registered with the rig"));
      return;
    }
    this.#workers.add(worker);
    this.#addStep("authorize", { id }, line, `authorize ${worker}`);
  }

  #submit({ id, worker, submit }: Extract<StratumMessage, { kind: "submit" }>): void {
    const gpu = this.#workers.has(worker) ? this.#effects.gpuOf(worker) : undefined;
    if (gpu === undefined) {
      this.#effects.toMiner(refusalLine(id, REFUSALS.unauthorized, "Unauthorized worker"));
      return;
    }
    const side = this.#active;
    if (side?.serving) {
      side.sendShare({ id, worker, gpu, submit });
      return;
    }
    this.#effects.toMiner(refusalLine(id, REFUSALS.other, "No pool connection: the share was not sent"));
    side?.bookRefused({ id, worker, gpu, submit }, "no pool connection");
  }

  #pass(id: StratumId, line: Buffer): void {
    if (this.#active?.serving) this.#active.sendRaw(line);
    else if (id !== null) this.#effects.toMiner(refusalLine(id, REFUSALS.other, "No pool connection"));
  }

  #strike(id: StratumId, reason: string): void {
    this.#strikes++;
    if (this.#strikes >= MAX_STRIKES) this.#effects.dropMiner(`the miner talks nonsense: ${reason}`);
    else this.#effects.toMiner(refusalLine(id, REFUSALS.other, reason));
  }
}

const isSame = (a: Extranonce, b: Extranonce | undefined): boolean =>
  a.extranonce1 === b?.extranonce1 && a.extranonce2Size === b.extranonce2Size;
