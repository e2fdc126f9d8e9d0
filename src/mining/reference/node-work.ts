import { z } from "zod";
import type { Clock } from "../../lib/clock.ts";
import { isAbort, messageOf, toPrintable } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { MiningError } from "../errors.ts";
import { type NodeTemplate, parseTemplate } from "./block-template.ts";
import { doubleSha256, toDisplayHash } from "./header.ts";
import { type NodeAnswer, NodeRpc } from "./node-rpc.ts";
import {
  EXTRANONCE1_BYTES,
  EXTRANONCE2_BYTES,
  type FoundBlock,
  MAX_SEEN,
  type PoolWork,
  toPoolWork,
  type WorkNews,
  type WorkSource,
} from "./pool-work.ts";
import { type ProofOfWork, scrypt, sha256d } from "./pow.ts";
import { meetsBits } from "./target.ts";
import { coinbaseHalves, compactSize, output, withWitness } from "./transactions.ts";

const NEW_WORK_EVERY = seconds(30);
const KEPT_OLDER = 3;
/** So many headers tell the algorithm of a chain even where every second hash meets the target. */
const HEADERS_TRIED = 8;
const RULES = { rules: ["segwit", "mweb"] };

export interface NodeOptions {
  readonly url: URL;
  readonly cookieFile: string;
  readonly algorithm: "sha256d" | "scrypt";
  /** Who gets the blocks' coins; absent: a new address of the node's own wallet. */
  readonly payout?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Built extends NodeTemplate {
  readonly work: PoolWork;
}

/** Work from a Bitcoin-family node by `getblocktemplate`; blocks go back by `submitblock`. */
export class NodeWork implements WorkSource {
  readonly #rpc: NodeRpc;
  readonly #options: NodeOptions;
  readonly #pow: ProofOfWork;
  readonly #payout: Uint8Array;
  #built: readonly [Built, ...Built[]];
  #builtAt: Millis;
  #nextKey: number;
  #silent = false;

  private constructor(rpc: NodeRpc, options: NodeOptions, payout: Uint8Array, template: NodeTemplate) {
    this.#rpc = rpc;
    this.#options = options;
    this.#pow = powOf(options.algorithm);
    this.#payout = payout;
    this.#nextKey = 1;
    this.#builtAt = options.clock.monotonic();
    this.#built = [this.#build(template)];
  }

  /** Throws `MiningError` when the node is away, on a chain of another algorithm, or has no template. */
  static async open(options: NodeOptions, signal: AbortSignal): Promise<NodeWork> {
    const rpc = new NodeRpc(options.url, options.cookieFile);
    await checkAlgorithm(rpc, options.algorithm, signal);
    const payout = await readPayout(rpc, options.payout, signal);
    return new NodeWork(rpc, options, payout, await fetchTemplate(rpc, signal));
  }

  get current(): PoolWork {
    return this.#built[0].work;
  }

  isFresh(work: PoolWork): boolean {
    return this.#built.some((built) => built.work === work);
  }

  async poll(signal: AbortSignal): Promise<WorkNews> {
    try {
      const tip = await this.#rpc.result("getbestblockhash", [], signal);
      const moved = tip !== toDisplayHash(this.#built[0].prevHash);
      if (this.#silent) this.#options.logger.info("the node answers again");
      this.#silent = false;
      return moved || this.#isDue ? await this.#renew(signal) : "unchanged";
    } catch (error) {
      if (isAbort(error)) return "unchanged";
      if (!this.#silent) this.#options.logger.warn("no news from the node", { reason: messageOf(error) });
      this.#silent = true;
      return "unchanged";
    }
  }

  async extend(work: PoolWork, found: FoundBlock, signal: AbortSignal): Promise<boolean> {
    const { logger } = this.#options;
    const built = this.#built.find((candidate) => candidate.work === work);
    if (built === undefined) return false;
    try {
      const answer = await this.#rpc.call("submitblock", [toBlock(built, found).toString("hex")], signal);
      const facts = { height: work.height, hash: toDisplayHash(doubleSha256(found.header)) };
      const refused = refusalOf(answer);
      if (refused === undefined) logger.info("block found", facts);
      else logger.warn("block refused", { ...facts, reason: refused });
      await this.#renew(signal);
      return refused === undefined;
    } catch (error) {
      if (!isAbort(error)) logger.warn("block not handed in", { height: work.height, reason: messageOf(error) });
      return false;
    }
  }

  get #isDue(): boolean {
    const age = this.#options.clock.monotonic() - this.#builtAt;
    return this.current.seen.size >= MAX_SEEN || age >= NEW_WORK_EVERY;
  }

  async #renew(signal: AbortSignal): Promise<WorkNews> {
    const template = await fetchTemplate(this.#rpc, signal);
    const moved = !Buffer.from(template.prevHash).equals(this.#built[0].prevHash);
    this.#built = [this.#build(template), ...(moved ? [] : this.#built.slice(0, KEPT_OLDER))];
    this.#builtAt = this.#options.clock.monotonic();
    return moved ? "new-tip" : "refreshed";
  }

  #build(template: NodeTemplate): Built {
    const { commitment, value, height } = template;
    const outputs = [output(value, this.#payout), ...(commitment ? [output(0n, commitment)] : [])];
    const halves = coinbaseHalves(height, EXTRANONCE1_BYTES + EXTRANONCE2_BYTES, outputs);
    const others = template.transactions.map(({ hash }) => hash);
    const base = { ...template, pow: this.#pow, halves, others };
    return { ...template, work: toPoolWork((this.#nextKey++).toString(16), base) };
  }
}

const powOf = (algorithm: NodeOptions["algorithm"]): ProofOfWork => (algorithm === "scrypt" ? scrypt : sha256d);

/** The whole block as the node takes it. */
function toBlock({ transactions, commitment, extension }: NodeTemplate, { header, coinbase }: FoundBlock): Buffer {
  return Buffer.concat([
    header,
    compactSize(transactions.length + 1),
    commitment ? withWitness(coinbase) : coinbase,
    ...transactions.map(({ bytes }) => bytes),
    ...(extension ? [Buffer.from([1]), extension] : []),
  ]);
}

/** `submitblock` answers null when it took the block, else a word that says why not (BIP 22). */
function refusalOf(answer: NodeAnswer): string | undefined {
  if (answer.kind === "refusal") return toPrintable(answer.message.slice(0, 200));
  return answer.result === null ? undefined : toPrintable(String(answer.result).slice(0, 200));
}

const fetchTemplate = async (rpc: NodeRpc, signal: AbortSignal): Promise<NodeTemplate> =>
  parseTemplate(await rpc.result("getblocktemplate", [RULES], signal));

const headerSchema = z.string().regex(/^[0-9a-f]{160}$/);

/** A wrong algorithm would turn every share into a refused block, so the newest headers are held against it. */
async function checkAlgorithm(rpc: NodeRpc, algorithm: NodeOptions["algorithm"], signal: AbortSignal): Promise<void> {
  let name = await rpc.result("getbestblockhash", [], signal);
  for (let i = 0; i < HEADERS_TRIED; i++) {
    const parsed = headerSchema.safeParse(await rpc.result("getblockheader", [name, false], signal));
    if (!parsed.success) throw wrongChain("has no block headers of 80 bytes", "give a node of the Bitcoin family");
    const header = Buffer.from(parsed.data, "hex");
    if (!meetsBits(powOf(algorithm).hash(header), header.readUInt32LE(72)))
      throw wrongChain(`is not one of ${algorithm}`, "give the node's own algorithm with --algorithm");
    const previous = header.subarray(4, 36);
    if (previous.every((byte) => byte === 0)) return;
    name = toDisplayHash(previous);
  }
}

const addressSchema = z.looseObject({
  isvalid: z.literal(true),
  scriptPubKey: z.string().regex(/^([0-9a-f]{2}){1,75}$/),
});

async function readPayout(rpc: NodeRpc, wanted: string | undefined, signal: AbortSignal): Promise<Uint8Array> {
  const address = wanted ?? (await rpc.result("getnewaddress", [], signal));
  const parsed = addressSchema.safeParse(await rpc.result("validateaddress", [address], signal));
  if (parsed.success) return Buffer.from(parsed.data.scriptPubKey, "hex");
  throw wrongChain(`knows no address ${toPrintable(String(address).slice(0, 100))}`, "mend --payout");
}

const wrongChain = (what: string, mend: string): MiningError =>
  new MiningError(`the node's chain ${what}`, { code: "ERR_NODE_CHAIN", mend });
