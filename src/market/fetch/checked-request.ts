import { type LookupAddress, lookup } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { messageOf } from "../../lib/errors.ts";
import { isPublicAddress } from "./address.ts";

export interface CheckedRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface AddressRules {
  /** Hosts that the operator named; only these may stand at an address that is not public. */
  readonly privateHosts: readonly string[];
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
  /** The fault of a host that stands at an address that is not public. */
  readonly refused: (address: string) => Error;
  /** The fault of a host whose name leads to no address. */
  readonly unresolved: (what: string, cause?: unknown) => Error;
}

/**
 * Sends one request and resolves with the answer's beginning; redirects are not followed. The address is checked after
 * its name was resolved and before it is connected to. Throws what `rules` make of a bad address, or Node's own fault.
 */
export function openRequest(
  { url, method, headers, body }: CheckedRequest,
  rules: AddressRules,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { hostname, protocol } = url;
  const host = hostname.replace(/^\[|\]$/g, "");
  const isNamed = rules.privateHosts.some((one) => one.toLowerCase() === host);
  return new Promise((resolve, reject) => {
    if (isIP(host) !== 0 && !isNamed && !isPublicAddress(host)) throw rules.refused(host);
    const send = protocol === "https:" ? requestHttps : requestHttp;
    const options = {
      method,
      headers: {
        "user-agent": "rigshift",
        accept: "*/*",
        "accept-encoding": "identity",
        // A GET may have a body too, and Node says its length for other methods only.
        ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
        ...headers,
      },
      signal,
      agent: false,
      lookup: checkedLookup(rules, isNamed),
    } as const;
    send(url, options, resolve).on("error", reject).end(body);
  });
}

const resolveAll = (host: string): Promise<readonly LookupAddress[]> =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });

/** Resolves once, and connects only to what was checked: a name that changes in between gains nothing. */
const checkedLookup =
  ({ resolve = resolveAll, refused, unresolved }: AddressRules, isNamed: boolean): LookupFunction =>
  (host, options, done) => {
    resolve(host).then(
      (addresses) => {
        const closed = isNamed ? undefined : addresses.find(({ address }) => !isPublicAddress(address));
        const [first] = addresses;
        if (closed !== undefined) done(refused(closed.address), "");
        else if (first === undefined) done(unresolved("its name has no address"), "");
        else if (options.all === true) done(null, [...addresses]);
        else done(null, first.address, first.family);
      },
      (error: unknown) => done(unresolved(messageOf(error), error), ""),
    );
  };
