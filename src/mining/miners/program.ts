import type { DialectName } from "../../config/mining-terms.ts";
import type { MinerReading } from "./reading.ts";

/** One question to a miner's API; each is one connection. */
export type ApiQuestion =
  | { readonly kind: "http"; readonly path: string; readonly method?: "GET" | "POST"; readonly body?: string }
  | { readonly kind: "tcp"; readonly text: string };

/** Where a miner finds work: the rig's proxy first, then the pools themselves in case the proxy is gone. */
export interface MinerPool {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** How it talks; some programs must be told. */
  readonly dialect: DialectName;
  readonly user: string;
  readonly password: string;
}

/** A second coin that is hashed at the same time; the rig's proxy is its only pool. */
export interface DualSheet {
  /** The program's own name for it. */
  readonly algorithm: string;
  readonly pool: MinerPool;
}

/** What a miner program is started with, for one GPU that it alone sees. */
export interface MinerSheet {
  /** The program's own name for it. */
  readonly algorithm: string;
  readonly pools: readonly [MinerPool, ...MinerPool[]];
  /** Only for programs that hash two coins at once. */
  readonly dual?: DualSheet;
  /** Loopback; every address only in a container, whose network is its own. */
  readonly apiHost: "127.0.0.1" | "0.0.0.0";
  readonly apiPort: number;
  /** For programs whose API takes one. */
  readonly apiToken: string;
  /** What `apiSettings` says, in a file that only this user opens; absent in a container, which sees no such file. */
  readonly apiFile?: string;
  /** It is planned for the processor, which few programs hash with, and no card is to be used. */
  readonly onProcessor?: true;
  /** `BB:DD` in hexadecimal, for programs that choose by PCI address. */
  readonly pciAddress?: string;
  /** What the operator adds; last, so that it wins. */
  readonly extra: readonly string[];
}

/** How one miner program is started, read and paused. */
export interface MinerProgram {
  /** Always with its API where the sheet says and its own watchdog off: two masters of one process crash rigs. */
  args(sheet: MinerSheet): readonly string[];
  /** Asked in order; `parse` gets the answers in the same order. */
  readonly questions: readonly [ApiQuestion, ...ApiQuestion[]];
  /** Throws `ERR_MINER_ANSWER` naming the field. */
  parse(answers: readonly string[]): MinerReading;
  /** Its API's settings as a file of its own, with the token that arguments would show to every user of the machine. */
  apiSettings?(sheet: Pick<MinerSheet, "apiHost" | "apiPort" | "apiToken">): string;
  /**
   * Why it is not told of a pool behind the proxy, which is `first`; undefined where it is. A login that it would take
   * apart or send to another pool hashes for nobody.
   */
  omits?(pool: MinerPool, first: MinerPool): string | undefined;
  /** It logs in everywhere as it does at the proxy, which therefore must know it by the pool's own login. */
  readonly hasOneLogin?: true;
  /** Its API listens on every address of the machine, whatever it is told. */
  readonly listensEverywhere?: true;
  /** Absent where the program cannot pause by itself; its memory stays in use while it pauses. */
  readonly pause?: { readonly pause: ApiQuestion; readonly resume: ApiQuestion };
}

export const http = (path: string): ApiQuestion => ({ kind: "http", path });

/** `host:port` */
export const toAddress = ({ host, port }: Pick<MinerPool, "host" | "port">): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** `word+tcp://host:port`; `words` are the program's own for the dialects that it does not call `stratum`. */
export function toUrl(
  pool: MinerPool,
  words: Readonly<Partial<Record<DialectName, string>>> = {},
  secure = "ssl",
): string {
  return `${words[pool.dialect] ?? "stratum"}+${pool.tls ? secure : "tcp"}://${toAddress(pool)}`;
}
