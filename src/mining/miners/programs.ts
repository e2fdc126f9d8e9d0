import type { MinerName } from "../../config/mining-terms.ts";
import { bzminer, bzminer100 } from "./bzminer.ts";
import { ccminer } from "./ccminer.ts";
import { claymore } from "./claymore.ts";
import { cuda } from "./cuda.ts";
import { gminer } from "./gminer.ts";
import { lolminer } from "./lolminer.ts";
import { nbminer } from "./nbminer.ts";
import type { MinerProgram } from "./program.ts";
import { rigel } from "./rigel.ts";
import { srbminer } from "./srbminer.ts";
import { tRex } from "./t-rex.ts";
import { teamRedMiner } from "./teamredminer.ts";
import { xmrig } from "./xmrig.ts";

/** The miner programs that Rigshift knows, by the name that a flight sheet gives them. */
export const MINER_PROGRAMS = {
  "t-rex": tRex,
  lolminer,
  rigel,
  gminer,
  bzminer,
  "bzminer-100": bzminer100,
  xmrig,
  srbminer,
  teamredminer: teamRedMiner,
  nbminer,
  claymore,
  ccminer,
  "miner-cuda": cuda,
} as const satisfies Readonly<Record<MinerName, MinerProgram>>;
