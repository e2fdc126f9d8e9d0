import type { UnixMs } from "../../units/time.ts";

/** What the operator mines, by this rig's names and by a source's own. */
export interface WantedCoin {
  readonly coin: string;
  readonly algorithm: string;
  /** The source's tag or name for it. */
  readonly tag: string;
}

/** What one source says that the work of one coin pays. */
export interface CoinSighting {
  /** For 10^12 expected hashes, in `currency`. */
  readonly perTerahash: number;
  readonly currency: string;
  /** When the source itself says that it held; absent when it does not say. */
  readonly asOf?: UnixMs;
  /** True where the pool's fee is already taken off. */
  readonly afterPoolFee?: true;
  /** US dollars for one unit of `currency`, where the source shows the same sum in both. */
  readonly usdPerUnit?: number;
}

const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  sha256d: ["sha256d", "sha256"],
  etchash: ["etchash"],
  randomx: ["randomx", "randomxmonero", "rx0"],
  alephium: ["alephium", "blake3alephium", "blake3"],
};

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** Whether a source's name of an algorithm means `algorithm`: a price per hash of one says nothing about another's. */
export function isAlgorithm(name: string, algorithm: string): boolean {
  const known = SYNONYMS[algorithm] ?? [algorithm];
  return known.some((one) => plain(one) === plain(name));
}

export const isTag = (name: unknown, tag: string): boolean =>
  typeof name === "string" && name.toLowerCase() === tag.toLowerCase();
