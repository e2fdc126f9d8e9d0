import type { Clock } from "../../lib/clock.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { type Difficulty, difficulty } from "../../units/work.ts";
import { answerLine, difficultyLine, hexWord, notifyLine, refusalLine } from "../stratum/bitcoin-v1-lines.ts";
import type { StratumId } from "../stratum/fields.ts";
import { parseLine, type StratumMessage } from "../stratum/parser.ts";
import { REFUSALS } from "../stratum/verdict.ts";
import { EXTRANONCE2_BYTES, type FoundBlock, type PoolWork, type WorkSource } from "./pool-work.ts";
import { checkShare, type RefusalName, refused, type ShareCheck, type ShareTerms } from "./share-check.ts";
import { countShare, retarget, startVardiff, type Vardiff } from "./vardiff.ts";

const VERSION_MASK = 0x1fffe000;
const LOGIN_TIMEOUT = seconds(30);
const MAX_LINES_PER_SECOND = 1000;
const MAX_STRIKES = 10;
const MAX_WORKERS = 64;
/** Jobs of one connection that a share may still name. */
const KEPT_JOBS = 8;

type Message<Kind extends StratumMessage["kind"]> = Extract<StratumMessage, { readonly kind: Kind }>;
interface SentJob {
  readonly work: PoolWork;
  readonly difficulty: Difficulty;
}

export interface DevpoolPeer {
  send(line: string): void;
  drop(reason: string): void;
  onAccepted(work: PoolWork, difficulty: Difficulty): void;
  onRefused(name: RefusalName): void;
  onBlock(work: PoolWork, block: FoundBlock): void;
}

/** One miner at the pool. Its own lines, the pool's news and the pool's tick change it, nothing else. */
export class DevpoolSession {
  readonly #peer: DevpoolPeer;
  readonly #source: WorkSource;
  readonly #clock: Clock;
  readonly #extranonce1: string;
  readonly #workers = new Set<string>();
  readonly #jobs = new Map<string, SentJob>();
  readonly #startedAt: Millis;
  #vardiff: Vardiff;
  #announced: Difficulty | undefined;
  #mask = 0;
  #subscribed = false;
  #nextJob = 0;
  #strikes = 0;
  #second = { start: 0, lines: 0 };

  constructor(
    peer: DevpoolPeer,
    parts: { readonly source: WorkSource; readonly clock: Clock; readonly extranonce1: string },
  ) {
    this.#peer = peer;
    this.#source = parts.source;
    this.#clock = parts.clock;
    this.#extranonce1 = parts.extranonce1;
    this.#startedAt = parts.clock.monotonic();
    this.#vardiff = startVardiff(this.#startedAt);
  }

  onLine(line: Buffer): void {
    if (this.#floods()) {
      this.#peer.drop("too many lines in a second");
      return;
    }
    const message = parseLine(line);
    switch (message.kind) {
      case "subscribe":
        this.#subscribe(message.id);
        break;
      case "authorize":
        this.#authorize(message);
        break;
      case "submit":
        this.#submit(message);
        break;
      case "configure":
        this.#configure(message);
        break;
      case "extranonce-subscribe":
        this.#peer.send(answerLine(message.id, true));
        break;
      case "suggest-difficulty":
        this.#suggest(message);
        break;
      case "other":
        this.#refuse(message.id, "other", "Unknown method");
        break;
      case "malformed":
        this.#strike(message.id, message.reason);
        break;
      case "response":
        break;
      default:
        this.#strike(null, `a miner does not send ${message.kind}`);
    }
  }

  /** Looks at the clock: retargets, and drops a peer that never logs in. */
  tick(): void {
    const now = this.#clock.monotonic();
    if (!this.#loggedIn) {
      if (now - this.#startedAt > LOGIN_TIMEOUT) this.#peer.drop("no login within 30 s");
      return;
    }
    this.#retarget(now);
  }

  /** Sends the pool's current work, under this connection's own difficulty. */
  sendWork(cleanJobs: boolean): void {
    if (!this.#loggedIn) return;
    const { current } = this.#source;
    const wanted = difficulty(Math.min(this.#vardiff.difficulty, current.blockDifficulty));
    if (wanted !== this.#announced) this.#peer.send(difficultyLine(wanted));
    this.#announced = wanted;
    if (cleanJobs) this.#jobs.clear();
    const id = `${current.key}.${(this.#nextJob++).toString(16)}`;
    this.#jobs.set(id, { work: current, difficulty: wanted });
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > KEPT_JOBS && oldest !== undefined) this.#jobs.delete(oldest);
    this.#peer.send(notifyLine({ ...current.fields, id, cleanJobs }, cleanJobs));
  }

  get #loggedIn(): boolean {
    return this.#subscribed && this.#workers.size > 0;
  }

  #subscribe(id: StratumId): void {
    const subscriptions = ["mining.set_difficulty", "mining.notify"].map((method) => [method, this.#extranonce1]);
    this.#peer.send(answerLine(id, [subscriptions, this.#extranonce1, EXTRANONCE2_BYTES]));
    const wasLoggedIn = this.#loggedIn;
    this.#subscribed = true;
    if (!wasLoggedIn) this.sendWork(true);
  }

  #authorize({ id, worker }: Message<"authorize">): void {
    if (worker === "" || this.#workers.size >= MAX_WORKERS) {
      this.#refuse(id, "unauthorized", "Unauthorized worker");
      return;
    }
    const wasLoggedIn = this.#loggedIn;
    this.#workers.add(worker);
    this.#peer.send(answerLine(id, true));
    if (!wasLoggedIn) this.sendWork(true);
  }

  #configure({ id, extensions, mask }: Message<"configure">): void {
    const answer: Record<string, unknown> = Object.fromEntries(extensions.map((name) => [name, false]));
    if (extensions.includes("subscribe-extranonce")) answer["subscribe-extranonce"] = true;
    if (extensions.includes("version-rolling")) {
      this.#mask = (VERSION_MASK & (mask ?? VERSION_MASK)) >>> 0;
      answer["version-rolling"] = true;
      answer["version-rolling.mask"] = hexWord(this.#mask);
    }
    this.#peer.send(answerLine(id, answer));
  }

  #suggest({ id, difficulty: suggested }: Message<"suggest-difficulty">): void {
    this.#vardiff = startVardiff(this.#clock.monotonic(), suggested);
    this.#peer.send(answerLine(id, true));
    this.sendWork(false);
  }

  #submit(message: Message<"submit">): void {
    const job = this.#jobs.get(message.submit.job);
    const check = this.#judge(message, job);
    if (check.kind === "refused") {
      this.#peer.onRefused(check.name);
      this.#refuse(message.id, check.name, check.message);
      return;
    }
    this.#peer.send(answerLine(message.id, true));
    this.#vardiff = countShare(this.#vardiff);
    if (job) this.#peer.onAccepted(job.work, job.difficulty);
    if (job && check.block) this.#peer.onBlock(job.work, check.block);
    this.#retarget(this.#clock.monotonic());
  }

  #judge({ worker, submit }: Message<"submit">, job: SentJob | undefined): ShareCheck {
    if (!this.#subscribed) return refused("notSubscribed", "Not subscribed");
    if (!this.#workers.has(worker)) return refused("unauthorized", "Unauthorized worker");
    if (!job || !this.#source.isFresh(job.work)) return refused("stale", "Job not found");
    const terms: ShareTerms = { ...job, extranonce1: this.#extranonce1, mask: this.#mask };
    return checkShare(submit, terms, this.#clock.now());
  }

  #retarget(now: Millis): void {
    const before = this.#vardiff.difficulty;
    this.#vardiff = retarget(this.#vardiff, now);
    if (this.#vardiff.difficulty !== before) this.sendWork(false);
  }

  #refuse(id: StratumId, name: RefusalName, message: string): void {
    this.#peer.send(refusalLine(id, REFUSALS[name], message));
  }

  #strike(id: StratumId, reason: string): void {
    this.#strikes++;
    if (this.#strikes >= MAX_STRIKES) this.#peer.drop(`nothing but nonsense: ${reason}`);
    else this.#refuse(id, "other", reason);
  }

  #floods(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#second.start >= 1000) this.#second = { start: now, lines: 0 };
    this.#second.lines++;
    return this.#second.lines > MAX_LINES_PER_SECOND;
  }
}
