/** What pools are mined with, by the names that miners use for it. */
export const ALGORITHMS = ["sha256d", "scrypt", "etchash", "kawpow", "kheavyhash", "alephium", "randomx"] as const;
export type AlgorithmName = (typeof ALGORITHMS)[number];

/** How a pool talks. */
export const DIALECTS = [
  "bitcoin-v1",
  "ethereum-stratum",
  "eth-proxy",
  "kawpow",
  "kheavyhash",
  "alephium",
  "cryptonote",
] as const;
export type DialectName = (typeof DIALECTS)[number];

/** What a pool of an algorithm speaks unless it is told otherwise; the first one is the usual one. */
export const DIALECTS_OF: Readonly<Record<AlgorithmName, readonly [DialectName, ...DialectName[]]>> = {
  sha256d: ["bitcoin-v1"],
  scrypt: ["bitcoin-v1"],
  etchash: ["ethereum-stratum", "eth-proxy"],
  kawpow: ["kawpow"],
  kheavyhash: ["kheavyhash"],
  alephium: ["alephium"],
  randomx: ["cryptonote"],
};

/** The miner programs that are known by name. */
export const MINER_NAMES = [
  "t-rex",
  "lolminer",
  "rigel",
  "gminer",
  "bzminer",
  "bzminer-100",
  "xmrig",
  "srbminer",
  "teamredminer",
  "nbminer",
  "claymore",
  "ccminer",
  "miner-cuda",
] as const;
/** Those that hash two coins at once by arguments of their makers' that are known. */
export const DUAL_MINERS = ["lolminer", "rigel", "gminer", "bzminer", "srbminer", "t-rex", "generic"] as const;
export type MinerName = (typeof MINER_NAMES)[number];
