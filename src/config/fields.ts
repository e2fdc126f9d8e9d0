import { isIP } from "node:net";
import { resolve } from "node:path";
import { z } from "zod";
import { unixMs } from "../units/time.ts";

/*
 * Every message in this folder is what was wanted, as the end of "got …, wanted …":
 * `load.ts` adds the place and what stands there.
 */

/** A number within bounds; `unit` is for people. */
export function number(min: number, max: number, unit = "") {
  const error = `a number from ${min} to ${max}${unit && ` ${unit}`}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

export function whole(min: number, max: number, unit = "") {
  const error = `a whole number from ${min} to ${max}${unit && ` ${unit}`}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function text(pattern: RegExp, error: string) {
  return z.string({ error }).max(512, { error }).regex(pattern, { error });
}

export function moment() {
  const error = 'a time such as "2026-11-22T10:00:00Z"';
  return z.iso.datetime({ error, offset: true }).transform((value) => unixMs(Date.parse(value)));
}

export const flag = () => z.boolean({ error: "true or false" });

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `one of ${values.join(", ")}` });
}

/** A mapping with exactly these keys. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? `one of ${keys}` : `a mapping with the keys ${keys}`),
  });
}

export function list<Item extends z.ZodType>(item: Item, max: number) {
  const error = `a list of at most ${max}`;
  return z.array(item, { error }).max(max, { error });
}

/** A path, taken from `base` unless absolute. */
export const path = (base: string) =>
  z
    .string({ error: "a file path" })
    .min(1, { error: "a file path" })
    .max(4096, { error: "a file path" })
    .transform((value) => resolve(base, value));

/** Where a secret stands; the secret itself is read when it is used and never held in the configuration. */
export type SecretReference = { readonly file: string } | { readonly env: string };

export function secret(base: string) {
  const error = "{ file: <path> } or { env: <NAME> }, because a secret never stands in the file itself";
  const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/);
  return z.union([z.strictObject({ file: path(base) }), z.strictObject({ env: variable })], { error });
}

export interface Endpoint {
  /** Without brackets, also for IPv6. */
  readonly host: string;
  readonly port: number;
}

const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** Reads `host:port`, `1.2.3.4:port` or `[::1]:port`; undefined when it is none of them. */
function parseEndpoint(value: string, lowestPort = 1): Endpoint | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^:[\]/@\s]{1,253})):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < lowestPort || port > 65_535) return undefined;
  if (match?.[1] !== undefined && isIP(host) !== 6) return undefined;
  return match?.[1] !== undefined || HOST_NAME.test(host) ? { host, port } : undefined;
}

/** Whether only programs of this machine can reach `host`. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

export function listenAddress() {
  const error = 'an address and a port such as "127.0.0.1:7410"';
  return z.string({ error }).transform((value, context): Endpoint => {
    const endpoint = parseEndpoint(value, 0);
    if (endpoint) return endpoint;
    context.addIssue({ code: "custom", message: error });
    return z.NEVER;
  });
}

/** A private address that ends in .1, the gateway of a /24 of its own, with a fixed port. */
export function gatewayAddress() {
  const error = 'a private address ending in .1 and a port, such as "10.82.71.1:3433"';
  const isGateway = ({ host, port }: Endpoint) =>
    port > 0 && /^(10\.\d+|172\.(1[6-9]|2\d|3[01])|192\.168)\.\d+\.1$/.test(host) && isIP(host) === 4;
  return listenAddress().refine(isGateway, { error });
}

/** An image that names one exact content. */
export const pinnedImage = () =>
  text(
    /^([a-z0-9][a-z0-9._:/-]{0,254}@)?sha256:[0-9a-f]{64}$/,
    "a pinned image, name@sha256:… or the sha256:… id of a local one",
  );

/** Reads an address and port that `http.listen` would take; undefined when it would not. */
export const parseListen = (value: string): Endpoint | undefined => parseEndpoint(value, 0);

export type PoolEndpoint = { readonly kind: "devpool" } | ({ readonly kind: "stratum" } & Endpoint);

const STRATUM = /^stratum\+(tcp|ssl|tls):\/\//;

export function poolUrl() {
  const error = '"devpool" or an address such as "stratum+tcp://pool.example.org:3333", or stratum+ssl:// for TLS';
  return z.string({ error }).transform((url, context) => {
    const pool = parsePool(url);
    if (pool) return { url, endpoint: pool };
    context.addIssue({ code: "custom", message: error });
    return z.NEVER;
  });
}

function parsePool(url: string): PoolEndpoint | undefined {
  if (url === "devpool") return { kind: "devpool" };
  if (!STRATUM.test(url)) return undefined;
  const endpoint = parseEndpoint(url.replace(STRATUM, ""));
  return endpoint && { kind: "stratum", ...endpoint };
}
