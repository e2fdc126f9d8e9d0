import { type AlgorithmName, DIALECTS_OF, type DialectName } from "../../config/mining-terms.ts";
import { MiningError } from "../errors.ts";

/** A pool and the credentials that the proxy puts in place of the miner's own. Never logged whole. */
export interface PoolTarget {
  /** `stratum+tcp://host:port`, or `stratum+ssl://host:port` for TLS. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** The SHA-256 of the certificate's public key (DER), lower-case hex: then nothing else of the certificate counts. */
  readonly tlsPin?: string;
  /** Hosts that its `client.reconnect` may name besides its own. */
  readonly reconnectHosts?: readonly string[];
  /** Without it sha256d. */
  readonly algorithm?: AlgorithmName;
  /** Without it the usual one of the algorithm. */
  readonly dialect?: DialectName;
}

export interface PoolAddress {
  readonly host: string;
  readonly port: number;
  /** Over TLS. */
  readonly secure?: true;
}

const PLAIN = "stratum+tcp:";
const SECURE = ["stratum+ssl:", "stratum+tls:"];

/** Reads `stratum+tcp://host:port` or, for TLS, `stratum+ssl://host:port`; throws `ERR_POOL_URL`. */
export function parsePoolUrl(url: string): PoolAddress {
  if (!URL.canParse(url)) throw badUrl(url, "is not a URL");
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  const isSecure = SECURE.includes(protocol);
  if (protocol !== PLAIN && !isSecure) throw badUrl(url, `does not start with ${PLAIN}//`);
  if (username !== "" || password !== "") throw badUrl(`${protocol}//…`, "carries credentials");
  if (hostname === "") throw badUrl(url, "has no host");
  if (port === "" || port === "0") throw badUrl(url, "has no port");
  if (!["", "/"].includes(pathname) || search !== "" || hash !== "") throw badUrl(url, "goes on after the port");
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), ...(isSecure && { secure: true }) };
}

export const formatPoolUrl = ({ host, port, secure }: PoolAddress): string =>
  `${secure ? SECURE[0] : PLAIN}//${host.includes(":") ? `[${host}]` : host}:${port}`;

/** What is mined at a pool, and how it talks. */
export function termsOf({ algorithm = "sha256d", dialect = DIALECTS_OF[algorithm][0] }: PoolTarget) {
  return { algorithm, dialect };
}

const badUrl = (url: string, what: string): MiningError =>
  new MiningError(`pool address ${url} ${what}`, {
    code: "ERR_POOL_URL",
    url,
    mend: "write it as stratum+tcp://host:port, or stratum+ssl://host:port for TLS, with user and password as fields of their own",
    retryable: false,
  });
