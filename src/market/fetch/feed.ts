import { createHash } from "node:crypto";
import { join } from "node:path";
import type { SecretReference } from "../../config/fields.ts";
import type { RateShape } from "../../config/price-terms.ts";
import { readSecret } from "../../config/secret.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { after, hours, type Millis, type UnixMs } from "../../units/time.ts";
import { FileWatch } from "./file-watch.ts";
import type { DocumentRequest } from "./http.ts";
import { DocumentPoll } from "./poll.ts";

/** Where one source's answers are, as rig.yaml names it. */
export interface Place {
  readonly url?: string;
  readonly file?: string;
  readonly token?: SecretReference;
  readonly every: Millis;
}

export interface FeedOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly privateHosts: readonly string[];
  /** Where answers are kept across restarts. */
  readonly cacheDir: string;
  /** Somebody else keeps what is there. */
  readonly isReadOnly?: true;
}

export interface FeedUse {
  readonly shape?: RateShape;
  readonly onText: (text: string, at: UnixMs) => void;
  readonly isAwaited?: () => boolean;
}

/** One source of prices that is asked, or looked at, until the signal fires. */
export interface Feed {
  /** Takes what is at hand, an answer kept or the file, and asks nobody. */
  peek(): void;
  run(signal: AbortSignal): Promise<void>;
}

/** What a source is called in logs and quotes: its host, or its file. */
export const nameOf = ({ url, file }: Pick<Place, "url" | "file">): string =>
  url === undefined ? (file ?? "nowhere") : new URL(url.replace(/[{}]/g, "0")).host;

export function openFeed(place: Place, { shape, onText, isAwaited }: FeedUse, options: FeedOptions): Feed {
  const { clock, logger, privateHosts, cacheDir } = options;
  const { url, file, every } = place;
  const awaited = isAwaited === undefined ? {} : { isAwaited };
  const parts = { name: nameOf(place), every, clock, logger, onText, ...awaited };
  if (file !== undefined) return new FileWatch(file, parts);
  const address = url ?? "";
  const kept = createHash("sha256")
    .update(`${shape ?? ""} ${address}`)
    .digest("hex")
    .slice(0, 32);
  return new DocumentPoll({
    ...parts,
    request: (now) => toRequest(address, { ...place, ...(shape === undefined ? {} : { shape }) }, now),
    rules: { privateHosts },
    cacheFile: join(cacheDir, `${kept}.json`),
  });
}

const TIBBER_QUESTION = `{ viewer { homes { currentSubscription { priceInfo(resolution: QUARTER_HOURLY) {
  today { total startsAt currency } tomorrow { total startsAt currency } } } } } }`;

/** The request of this moment. A key goes where the source wants it and nowhere else. */
function toRequest(
  address: string,
  { token, shape }: Pick<Place, "token"> & { shape?: RateShape },
  now: UnixMs,
): DocumentRequest {
  const url = new URL(fillIn(address, now));
  const secret = token === undefined ? undefined : readSecret(token);
  if (secret !== undefined && shape === "entsoe") url.searchParams.set("securityToken", secret);
  const headers = secret === undefined || shape === "entsoe" ? {} : { authorization: `Bearer ${secret}` };
  if (shape !== "tibber") return { url, headers };
  return {
    url,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ query: TIBBER_QUESTION }),
  };
}

/** Days are those of UTC; {start} and {end} reach from yesterday to the day after tomorrow. */
function fillIn(address: string, now: UnixMs): string {
  const day = (ahead: number) => new Date(after(now, hours(24 * ahead))).toISOString().slice(0, 10);
  const stamp = (ahead: number) => `${day(ahead).replaceAll("-", "")}0000`;
  return address
    .replaceAll("{today}", day(0))
    .replaceAll("{tomorrow}", day(1))
    .replaceAll("{start}", stamp(-1))
    .replaceAll("{end}", stamp(2));
}
