import type { DialectName } from "../../config/mining-terms.ts";
import { alephium } from "./alephium.ts";
import { bitcoinV1 } from "./bitcoin-v1.ts";
import { cryptonote } from "./cryptonote.ts";
import type { Dialect } from "./dialect.ts";
import { ethProxy } from "./eth-proxy.ts";
import { ethereumStratum } from "./ethereum-stratum.ts";
import { kawpow } from "./kawpow.ts";
import { kheavyhash } from "./kheavyhash.ts";

/** Every dialect that the proxy speaks. */
export const dialects: Readonly<Record<DialectName, Dialect>> = {
  "bitcoin-v1": bitcoinV1,
  "ethereum-stratum": ethereumStratum,
  "eth-proxy": ethProxy,
  kawpow,
  kheavyhash,
  alephium,
  cryptonote,
};
