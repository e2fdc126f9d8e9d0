import { MiningError } from "../errors.ts";

/** A pool and the credentials that the proxy puts in place of the miner's own. Never logged whole. */
export interface PoolTarget {
  /** `stratum+tcp://host:port` */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

export interface PoolAddress {
  readonly host: string;
  readonly port: number;
}

const SCHEME = "stratum+tcp:";

/** Reads `stratum+tcp://host:port`; throws `ERR_POOL_URL`. */
export function parsePoolUrl(url: string): PoolAddress {
  if (!URL.canParse(url)) throw badUrl(url, "is not a URL");
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  if (protocol !== SCHEME) throw badUrl(url, `does not start with ${SCHEME}//`);
  if (username !== "" || password !== "") throw badUrl(`${SCHEME}//…`, "carries credentials");
  if (hostname === "") throw badUrl(url, "has no host");
  if (port === "" || port === "0") throw badUrl(url, "has no port");
  if (!["", "/"].includes(pathname) || search !== "" || hash !== "") throw badUrl(url, "goes on after the port");
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
}

export const formatPoolUrl = ({ host, port }: PoolAddress): string =>
  `${SCHEME}//${host.includes(":") ? `[${host}]` : host}:${port}`;

const badUrl = (url: string, what: string): MiningError =>
  new MiningError(`pool address ${url} ${what}`, {
    code: "ERR_POOL_URL",
    url,
    mend: "write it as stratum+tcp://host:port, with user and password as fields of their own",
    retryable: false,
  });
