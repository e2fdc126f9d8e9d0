import type { ShareRow } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { millis, minutes } from "../../units/time.ts";
import { difficulty } from "../../units/work.ts";
import type { Algorithm } from "./algorithms.ts";
import {
  type Announcement,
  type Dialect,
  EXTRANONCE_SUBSCRIBE,
  type ForeignShare,
  type Line,
  type Login,
  type MinerEffects,
  type MinerMessage,
  type MinerSession,
  type PoolEffects,
  type PoolSession,
} from "./dialect.ts";
import type { Malformed } from "./envelope.ts";
import type { LoginStep } from "./expected-answers.ts";
import type { StratumId } from "./fields.ts";
import { toOffer } from "./offer.ts";
import type { Extranonce } from "./parser.ts";
import { type MinerFront, PoolSide } from "./pool-side.ts";
import type { Pool } from "./pools.ts";
import { bookShare, type SentShare } from "./share-booking.ts";
import { REFUSALS } from "./verdict.ts";

const MAX_STEPS = 32;
/** One line that makes no sense is forgiven in a minute; a miner that is ten minutes behind is cut off. */
const STRIKE = minutes(1);
const MAX_STRIKES = minutes(9);
/** Whose a share is that came before any login. */
const NOBODY = "(no login)";

interface MinerSideParts {
  readonly dialect: Dialect;
  readonly algorithm: Algorithm;
  readonly clock: Clock;
  /** The pool that is wanted: where shares count that came before any was there. */
  readonly pool?: string;
}
type Step = Extract<MinerMessage, { kind: "step" }>;
type Account = Pick<LoginStep, "own" | "isForeign">;

/** One miner, whatever the dialect: its login, and what it was last told, across all pool connections behind it. */
export class MinerSide implements MinerSession, MinerFront {
  readonly #effects: MinerEffects;
  readonly #parts: MinerSideParts;
  readonly #steps = new Map<string, LoginStep>();
  /** Everyone who logged in, the rig's own and others. */
  readonly #workers = new Set<string>();
  #hasOwn = false;
  #lastLogin: string | undefined;
  #sides: PoolSide[] = [];
  /** The pool connection that serves the miner, or the last one that did. */
  #active: PoolSide | undefined;
  #told: Extranonce | undefined;
  #toldMask = 0;
  #hasWork = false;
  #takesExtranonce: boolean;
  /** When all its lines that made no sense are forgiven. */
  #strikesUntil = millis(0);
  /** Set while the miner does not read: whether there was news that it did not hear. */
  #heldBack: "nothing" | "missed" | undefined;

  constructor(effects: MinerEffects, parts: MinerSideParts) {
    this.#effects = effects;
    this.#parts = parts;
    this.#takesExtranonce = parts.dialect.movesExtranonce;
  }

  get loggedIn(): boolean {
    return this.#steps.size > 0;
  }

  get isStrangers(): boolean {
    return this.#workers.size > 0 && !this.#hasOwn;
  }

  onLine(line: Buffer): void {
    const message = this.#parts.dialect.parseMiner(line);
    switch (message.kind) {
      case "step":
        this.#onStep(message, line);
        break;
      case "submit":
        this.#submit(message, line);
        break;
      case "aside":
        this.#effects.toMiner(message.answer);
        if (this.#active?.serving) this.#active.ask(message.lineId, message.line);
        break;
      case "response":
        if (this.#active?.serving) this.#active.reply(line);
        break;
      case "pass":
        this.#ask(message.id, message.line ?? line);
        break;
      case "malformed":
        this.#strike(message.id, message.reason);
        if (message.share) this.#bookUnreadable(message, message.share.worker);
        break;
    }
  }

  open(pool: Pool, effects: PoolEffects): PoolSession {
    const side = new PoolSide(pool, effects, { ...this.#parts, front: this });
    this.#sides = [...this.#sides.filter(({ live }) => live), side];
    // Until the miner has something to work with there is nothing to reconcile: everything passes as it comes.
    const isFresh = this.#parts.dialect.needsExtranonce ? this.#told === undefined : !this.#hasWork;
    if (isFresh) {
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
    if (this.#heldBack === undefined) this.#present(side);
    else this.#heldBack = "missed";
  }

  holdBack(): void {
    this.#heldBack ??= "nothing";
  }

  catchUp(): void {
    const isBehind = this.#heldBack === "missed";
    this.#heldBack = undefined;
    if (isBehind && this.#active?.live) this.#present(this.#active);
  }

  relay(line: Line): void {
    this.#effects.toMiner(line);
  }

  tell(line: Line, news?: Announcement): void {
    if (this.#heldBack !== undefined) {
      if (news) this.#heldBack = "missed";
      return;
    }
    if (news) this.heard(news);
    this.#effects.toMiner(line);
  }

  heard(news: Announcement): void {
    if (news.kind === "extranonce") this.#told = news.extranonce;
    if (news.kind === "mask") this.#toldMask = news.mask;
    if (news.kind === "job") this.#hasWork = true;
  }

  recordShare(share: ShareRow): void {
    this.#effects.recordShare(share);
  }

  recordForeign(share: ForeignShare): void {
    this.#effects.recordForeign(share);
  }

  /** Brings a miner that worked for another connection onto this one, or sends it away to log in anew. */
  #present(side: PoolSide): void {
    const { work } = side;
    if (!work) return;
    const offer = toOffer(work, { extranonce: this.#told, mask: this.#toldMask });
    const isMoved = offer.terms.extranonce !== undefined || offer.next.extranonce !== undefined;
    if (isMoved && !this.#takesExtranonce) {
      this.#effects.dropMiner("the new pool connection has another extranonce, which this miner cannot take over");
      return;
    }
    for (const line of this.#parts.dialect.present(offer)) this.#effects.toMiner(line);
    this.#told = work.newest.extranonce;
    this.#toldMask = work.mask;
    side.serving = true;
  }

  #onStep(step: Step, line: Buffer): void {
    if (step.name === EXTRANONCE_SUBSCRIBE) this.#takesExtranonce = true;
    if (!step.login) {
      this.#addStep(step, line, { isForeign: false });
      return;
    }
    const { login } = step;
    const own = this.#ownName(login);
    const worker = own ?? login.fullName ?? login.worker;
    const isNew = !this.#workers.has(worker) && this.#workers.size < MAX_STEPS;
    if (isNew) this.#workers.add(worker);
    if (isNew && own === undefined) this.#effects.foreignLogin(worker);
    if (own !== undefined) this.#hasOwn = true;
    const account = own === undefined ? { isForeign: true } : { isForeign: false, own: { worker, login } };
    this.#lastLogin = worker;
    this.#addStep(step, line, account, login.isSole ? step.name : `${step.name} ${worker}`);
  }

  /** The registered name behind a login; undefined for somebody else's. */
  #ownName({ worker, fullName }: Login): string | undefined {
    const names = [worker, fullName].filter((name) => name !== undefined);
    return names.map((name) => this.#effects.ownerOf(name)).find((owner) => owner !== undefined);
  }

  #addStep({ name, weight, id }: Step, line: Buffer, account: Account, key = name): void {
    if (!this.#steps.has(key) && this.#steps.size >= MAX_STEPS) {
      this.#effects.dropMiner("the miner logs in without end");
      return;
    }
    // Copied: it outlives the read buffer that the line is a part of.
    const step: LoginStep = { name, weight, id, line: Buffer.from(line), answered: false, ...account };
    this.#steps.set(key, step);
    const live = this.#sides.filter((side) => side.live);
    if (!live.every((side) => side.sendStep(step)))
      this.#effects.dropMiner("the miner does not wait for the answers to its login");
  }

  #ask(id: StratumId, line: Line | ((session: string | undefined) => Line)): void {
    const isThere = this.#active?.serving === true;
    if (isThere && this.#active?.ask(id, line)) return;
    const reason = isThere ? "Too many questions wait for their answer" : "No pool connection";
    if (id !== null) this.#refuse(id, REFUSALS.other, reason);
  }

  #submit({ id, submit }: Extract<MinerMessage, { kind: "submit" }>, line: Buffer): void {
    const side = this.#active;
    const known = this.#workerOf(submit.worker);
    const worker = known ?? submit.worker ?? NOBODY;
    const share = { id, worker, gpu: this.#effects.gpuOf(worker), submit };
    if (known === undefined) {
      this.#refuse(id, REFUSALS.unauthorized, "Unauthorized worker");
      this.#bookRefused(share, "unauthorized worker");
      return;
    }
    if (side?.serving) {
      side.sendShare(share, line);
      return;
    }
    this.#refuse(id, REFUSALS.other, "No pool connection: the share was not sent");
    this.#bookRefused(share, "no pool connection");
  }

  /** What the miner counts as a share is one in the books, or its sum and ours would differ. */
  #bookUnreadable({ id, reason }: Malformed, named: string | undefined): void {
    const worker = this.#workerOf(named) ?? NOBODY;
    const submit = { job: "", line: () => "" };
    this.#bookRefused({ id, worker, gpu: this.#effects.gpuOf(worker), submit }, reason);
  }

  /** A share that never left us is booked by what its pool last said; by the least there is where no pool ever spoke. */
  #bookRefused(share: SentShare, reason: string): void {
    if (this.#active !== undefined) {
      this.#active.bookRefused(share, reason);
      return;
    }
    const { algorithm, clock, pool = "" } = this.#parts;
    const unknown = { share, job: undefined, mask: 0, at: clock.now() };
    const setting = { books: this, algorithm, pool, lowest: difficulty(1) };
    bookShare(unknown, { verdict: "rejected", reason }, setting);
  }

  /** A share that names nobody is the last login's; one that names only a part of a login is its who logged in alone. */
  #workerOf(named: string | undefined): string | undefined {
    if (named === undefined) return this.#lastLogin;
    const owner = this.#effects.ownerOf(named);
    if (this.#workers.has(owner ?? named)) return owner ?? named;
    if (owner !== undefined) return undefined;
    const [only, ...others] = this.#workers;
    return others.length === 0 ? only : undefined;
  }

  #refuse(id: StratumId, code: number, message: string): void {
    this.#effects.toMiner(this.#parts.dialect.refusal(id, code, message));
  }

  #strike(id: StratumId, reason: string): void {
    const now = this.#parts.clock.monotonic();
    this.#strikesUntil = millis(Math.max(this.#strikesUntil, now) + STRIKE);
    if (this.#strikesUntil - now > MAX_STRIKES) this.#effects.dropMiner(`the miner talks nonsense: ${reason}`);
    else this.#refuse(id, REFUSALS.other, reason);
  }
}
