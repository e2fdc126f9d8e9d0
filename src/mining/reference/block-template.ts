import { z } from "zod";
import { sayWanted } from "../../lib/wanted.ts";
import { MiningError } from "../errors.ts";
import { fromDisplayHash } from "./header.ts";

const hex = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^([0-9a-f]{2})*$/);
const hash = () => z.string().regex(/^[0-9a-f]{64}$/);
const amount = () => z.int().nonnegative();

const schema = z.looseObject({
  version: z
    .int()
    .min(-(2 ** 31))
    .max(2 ** 32 - 1),
  previousblockhash: hash(),
  height: z
    .int()
    .min(1)
    .max(2 ** 31),
  bits: z.string().regex(/^[0-9a-f]{8}$/),
  curtime: z
    .int()
    .positive()
    .max(2 ** 32 - 1),
  coinbasevalue: amount(),
  default_witness_commitment: hex(512).optional(),
  transactions: z.array(z.looseObject({ data: hex(8 << 20), txid: hash() })).max(100_000),
  mweb: hex(8 << 20).optional(),
});

/** What a node wants the next block to be (BIP 22, 23, 145), byte strings in header order. */
export interface NodeTemplate {
  readonly height: number;
  readonly version: number;
  readonly prevHash: Uint8Array;
  readonly bits: number;
  readonly ntime: number;
  /** In the coin's smallest unit. */
  readonly value: bigint;
  /** The output script that commits to the witnesses; absent where the chain has none. */
  readonly commitment?: Uint8Array;
  readonly transactions: readonly { readonly bytes: Uint8Array; readonly hash: Uint8Array }[];
  /** Litecoin's extension block, as it follows the transactions. */
  readonly extension?: Uint8Array;
}

/** Throws `ERR_NODE_ANSWER` naming the field. */
export function parseTemplate(answer: unknown): NodeTemplate {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const facts = { code: "ERR_NODE_ANSWER", field: issue?.path.join("."), mend: "update the node" } as const;
    const { field, ...rest } = facts;
    throw new MiningError(
      `the node's block template: ${field}: wanted ${issue && sayWanted(issue)}`,
      field ? { ...rest, field } : rest,
    );
  }
  const { data } = parsed;
  return {
    height: data.height,
    version: data.version >>> 0,
    prevHash: fromDisplayHash(data.previousblockhash),
    bits: Number.parseInt(data.bits, 16),
    ntime: data.curtime,
    value: BigInt(data.coinbasevalue),
    transactions: data.transactions.map(({ data: bytes, txid }) => ({
      bytes: Buffer.from(bytes, "hex"),
      hash: fromDisplayHash(txid),
    })),
    ...(data.default_witness_commitment && { commitment: Buffer.from(data.default_witness_commitment, "hex") }),
    ...(data.mweb && { extension: Buffer.from(data.mweb, "hex") }),
  };
}
