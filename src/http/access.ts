import { isIP } from "node:net";
import type { RouteFamily } from "../api/routes.ts";
import { isLoopback as isLoopbackHost } from "../config/fields.ts";
import { MEDIA_TYPE, type Refusal } from "./refusal.ts";
import { basicPasswordOf, bearerOf, createSecretCheck, type SecretCheck } from "./secret.ts";

/** Whether only this machine can reach a listener on `host`, written in any case and with or without brackets. */
export const isLoopback = (host: string): boolean => isLoopbackHost(host.replace(/^\[(.*)\]$/, "$1").toLowerCase());

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::";

const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?(?::\d{1,5})?$/i;

/** The name or address in a Host header, without port, in lower case. */
export const hostNameOf = (header: string | undefined): string | undefined =>
  AUTHORITY.exec(header ?? "")?.[1]?.toLowerCase();

export interface AccessOptions {
  readonly host: string;
  readonly token: string;
  readonly allowedHosts: readonly string[];
  readonly customerKeys: readonly string[];
}

/** Who may ask for what; built once per listener. */
export interface AccessRules {
  readonly offLoopback: boolean;
  readonly isHostAllowed: (name: string) => boolean;
  /** Where the listener that heard on `port` answers. */
  readonly addressOf: (port: number) => string;
  readonly token: SecretCheck;
  readonly customers: SecretCheck;
}

export function toAccessRules({ host, token, allowedHosts, customerKeys }: AccessOptions): AccessRules {
  const names = new Set(allowedHosts.map((name) => hostNameOf(name)).filter((name) => name !== undefined));
  const own = hostNameOf(isIP(host) === 6 ? `[${host}]` : host);
  return {
    offLoopback: !isLoopback(host),
    // A rebinding attack needs a name that it controls: an address typed as such cannot be rebound.
    isHostAllowed: (name) =>
      isLoopback(name) ||
      name === own ||
      names.has(name) ||
      (isWildcard(host) && isIP(name.replace(/[[\]]/g, "")) !== 0),
    addressOf: (port) =>
      isLoopback(host) || isWildcard(host)
        ? `${isLoopback(host) ? "http" : "https"}://${host === "::1" ? "[::1]" : "127.0.0.1"}:${port}`
        : `https://${own}:${port}`,
    token: createSecretCheck([token]),
    customers: createSecretCheck(customerKeys),
  };
}

/** The facts of one request that decide on access, all of them hostile. */
export interface AccessRequest {
  readonly method: string;
  readonly path: string;
  /** That it was heard on. */
  readonly port: number;
  readonly family: RouteFamily;
  readonly routeExists: boolean;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const one = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0];

const isRead = ({ method }: AccessRequest): boolean => method === "GET" || method === "HEAD";

/** An event stream holds a connection, so a foreign page must not be able to open it either. */
const isPlainRead = (request: AccessRequest): boolean => isRead(request) && request.path !== "/api/v1/events";

function refuseHost(request: AccessRequest, rules: AccessRules): Refusal | undefined {
  const name = hostNameOf(one(request.headers.host));
  if (name !== undefined && rules.isHostAllowed(name)) return undefined;
  return {
    status: 403,
    code: "ERR_HTTP_HOST",
    message: "this agent does not answer under the name in the Host header",
    mend: `open it as ${rules.addressOf(request.port)}, or add the name to http.allowedHosts in rig.yaml`,
  };
}

function refuseOrigin(request: AccessRequest): Refusal | undefined {
  if (isPlainRead(request)) return undefined;
  const { origin, host, "sec-fetch-site": site } = request.headers;
  // The scheme may differ where a proxy adds TLS in front of a loopback listener.
  const isOwn = origin === undefined || one(origin)?.replace(/^https?:\/\//, "") === one(host);
  if (isOwn && one(site) !== "cross-site") return undefined;
  return {
    status: 403,
    code: "ERR_HTTP_ORIGIN",
    message: "a page of another origin may not do this",
    mend: "send the request from the agent's own page, or without an Origin header",
  };
}

const hasJsonType = ({ headers }: AccessRequest): boolean =>
  one(headers["content-type"])?.split(";")[0]?.trim().toLowerCase() === "application/json";

function tokenRefusal(request: AccessRequest, message: string): Refusal {
  const challenge = isRead(request) ? 'Basic realm="rigshift", charset="UTF-8"' : 'Bearer realm="rigshift"';
  return {
    status: 401,
    code: "ERR_HTTP_TOKEN",
    message,
    mend: "send `Authorization: Bearer …` with the content of the token file in the data directory",
    headers: { "www-authenticate": challenge },
  };
}

const NO_API_KEY: Refusal = {
  status: 401,
  code: "ERR_HTTP_API_KEY",
  message: "this needs an API key, or another one",
  mend: "send one of the API keys this rig's operator gave you, as `Authorization: Bearer …`",
  headers: { "www-authenticate": 'Bearer realm="rigshift"' },
};

/**
 * The OpenAI routes know customers and no operator: his token must not spread into the settings of chat programs.
 * Only off loopback without a single key is it taken, because there everything needs a secret and it is the only one.
 */
function refuseCustomer(request: AccessRequest, rules: AccessRules): Refusal | undefined {
  const bearer = bearerOf(one(request.headers.authorization));
  if (!rules.customers.isEmpty) {
    const isUnknownAddress = !request.routeExists && !rules.offLoopback;
    return isUnknownAddress || rules.customers.matches(bearer) ? undefined : NO_API_KEY;
  }
  return !rules.offLoopback || rules.token.matches(bearer) ? undefined : NO_API_KEY;
}

function refuseOperator(request: AccessRequest, rules: AccessRules): Refusal | undefined {
  const header = one(request.headers.authorization);
  if (rules.token.matches(bearerOf(header))) return undefined;
  if (isRead(request)) {
    if (!rules.offLoopback || rules.token.matches(basicPasswordOf(header))) return undefined;
    return tokenRefusal(request, "beyond this machine the agent answers only with its token");
  }
  if (!rules.offLoopback && !request.routeExists) return undefined;
  return tokenRefusal(request, "this needs the agent's token");
}

const refuseCredentials = (request: AccessRequest, rules: AccessRules): Refusal | undefined =>
  request.family === "openai" ? refuseCustomer(request, rules) : refuseOperator(request, rules);

/** Why `request` is turned away, or undefined. Pure: looks at nothing but its arguments. */
export function refuseAccess(request: AccessRequest, rules: AccessRules): Refusal | undefined {
  const refusal = refuseHost(request, rules) ?? refuseOrigin(request) ?? refuseCredentials(request, rules);
  if (refusal || isRead(request) || !request.routeExists) return refusal;
  return hasJsonType(request) ? undefined : MEDIA_TYPE;
}
