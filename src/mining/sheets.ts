import type { Endpoint } from "../config/fields.ts";
import type { FlightSheetConfig, RigConfig } from "../config/load.ts";
import { readSecret } from "../config/secret.ts";
import { minedBy } from "../config/sheet-schema.ts";
import type { ShareRow } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { placesOf } from "./bridge-ports.ts";
import type { ProxyAddress } from "./miners/program-run.ts";
import { startDevpool } from "./reference/devpool.ts";
import type { PoolTarget } from "./stratum/pool-url.ts";
import { type StratumProxy, startStratumProxy } from "./stratum/proxy.ts";

export interface SheetParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Closes what was opened. */
  readonly stack: AsyncDisposableStack;
  /** Told of every share with the name of its flight sheet. */
  readonly onShare: (share: ShareRow, sheet: string) => void;
}

/** A flight sheet with its pools, and the proxy that its miners go through; no pool hears of it before a miner does. */
export interface OpenSheet {
  readonly sheet: FlightSheetConfig;
  readonly pools: readonly PoolTarget[];
  readonly proxy: StratumProxy;
  /** Of its second coin, where it has one. */
  readonly dual?: Pick<OpenSheet, "pools" | "proxy">;
}

/** The proxies at their places at the miners' bridge, which `file` keeps; undefined where a flight sheet has gone. */
export function proxiesOf(sheets: readonly OpenSheet[], file: string): readonly (StratumProxy | undefined)[] {
  const proxies = minedBy<Pick<OpenSheet, "proxy">>(sheets).map(({ proxy }) => proxy);
  const keys = sheets.flatMap(({ sheet }) =>
    minedBy<Pick<FlightSheetConfig, "coin">>([sheet]).map(({ coin }) => `${sheet.name} ${coin}`),
  );
  const places = placesOf(file, keys);
  return Array.from({ length: Math.max(-1, ...places) + 1 }, (_, place) => proxies[places.indexOf(place)]);
}

/** The proxies at their places, and where the first of them is reached from the miners' bridge. */
interface MinerWays {
  readonly proxies: readonly (StratumProxy | undefined)[];
  readonly bridge: Endpoint;
}

/** Where a miner of `sheet` reaches one of its proxies: on loopback, or from a container, at its own port of the bridge. */
export function reachedAt(
  { image }: Pick<FlightSheetConfig, "image">,
  proxy: StratumProxy,
  { proxies, bridge }: MinerWays,
): ProxyAddress {
  const { host, port, dialect } = proxy;
  if (image === undefined) return { host, port, dialect };
  return { host: bridge.host, port: bridge.port + proxies.indexOf(proxy), dialect };
}

/** One proxy per coin of each flight sheet, in order. */
export async function openSheets(
  { mining }: Pick<RigConfig, "mining">,
  parts: SheetParts,
): Promise<readonly OpenSheet[]> {
  const open: OpenSheet[] = [];
  for (const sheet of mining?.sheets ?? []) open.push(await openSheet(sheet, parts));
  return open;
}

async function openSheet(sheet: FlightSheetConfig, parts: SheetParts): Promise<OpenSheet> {
  const { name, dual } = sheet;
  const first = await openCoin(name, sheet, parts);
  return { sheet, ...first, ...(dual === undefined ? {} : { dual: await openCoin(name, dual, parts) }) };
}

/** What one of a flight sheet's coins is mined by. */
type MinedCoin = Pick<FlightSheetConfig, "coin" | "algorithm" | "pools">;

async function openCoin(sheet: string, mined: MinedCoin, parts: SheetParts) {
  const { clock, logger, stack, onShare } = parts;
  const pools = await openPools(mined, parts);
  const listen: Endpoint = { host: "127.0.0.1", port: 0 };
  const record = (share: ShareRow) => onShare({ ...share, coin: mined.coin, sheet }, sheet);
  const proxy = await startStratumProxy({ listen, pools, clock, logger, onShare: record, onUpstream: () => {} });
  stack.defer(() => proxy.close());
  return { pools, proxy };
}

/** The configured pools; the embedded one is started where it is asked for. */
async function openPools(
  { algorithm, pools }: MinedCoin,
  { clock, logger, stack }: SheetParts,
): Promise<readonly PoolTarget[]> {
  const targets: PoolTarget[] = [];
  for (const { endpoint, password, ...pool } of pools) {
    const secret = password === undefined ? "x" : readSecret(password);
    if (endpoint.kind === "stratum") {
      targets.push({ algorithm, ...pool, password: secret });
      continue;
    }
    const devpool = await startDevpool({ host: "127.0.0.1", port: 0, clock, logger });
    stack.defer(() => devpool.close());
    targets.push({ ...pool, url: `stratum+tcp://${devpool.host}:${devpool.port}`, password: secret });
  }
  return targets;
}
