import type { PriceRule } from "../replay/rule.ts";
import { autoSwitch, hashAuger, hiveProfitSwitcher, minotaur, tradeMyBitSwitcher } from "./external-switchers.ts";
import { mindMiner } from "./mind-miner.ts";
import { minerControl } from "./miner-control.ts";
import { multiPoolMinerRestarted, multiPoolMinerSteady } from "./multi-pool-miner.ts";
import { nemosMinerDefault, nemosMinerShipped, nPlusMiner } from "./nemos-miner.ts";
import { niceHashMinerDefault, niceHashMinerGated } from "./nice-hash-miner.ts";
import { rainbowMiner } from "./rainbow-miner.ts";
import { ugMiner } from "./ug-miner.ts";

/** Rivals' published rules with their own default settings. */
export const BASELINES: readonly PriceRule[] = [
  multiPoolMinerRestarted,
  multiPoolMinerSteady,
  rainbowMiner,
  minerControl,
  niceHashMinerDefault,
  niceHashMinerGated,
  ugMiner,
  nemosMinerDefault,
  nemosMinerShipped,
  nPlusMiner,
  mindMiner,
  minotaur,
  hiveProfitSwitcher,
  tradeMyBitSwitcher,
  autoSwitch,
  hashAuger,
];
