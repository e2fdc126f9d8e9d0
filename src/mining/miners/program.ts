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
  /** Absent where the program cannot pause by itself; its memory stays in use while it pauses. */
  readonly pause?: { readonly pause: ApiQuestion; readonly resume: ApiQuestion };
}

export const http = (path: string): ApiQuestion => ({ kind: "http", path });

/** `scheme://host:port` */
export const toUrl = ({ host, port, tls }: MinerPool, plain: string, secure: string): string =>
  `${tls ? secure : plain}://${host}:${port}`;
