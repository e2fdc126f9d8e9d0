import { createHash, timingSafeEqual } from "node:crypto";

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares in a time that depends on neither the secrets nor their number's match; keeps digests only. */
export interface SecretCheck {
  readonly isEmpty: boolean;
  matches(candidate: string | undefined): boolean;
}

export function createSecretCheck(secrets: readonly string[]): SecretCheck {
  const digests = secrets.filter((secret) => secret !== "").map(digestOf);
  return {
    isEmpty: digests.length === 0,
    matches: (candidate) => {
      if (candidate === undefined) return false;
      const given = digestOf(candidate);
      return digests.reduce((found, digest) => timingSafeEqual(digest, given) || found, false);
    },
  };
}

/** The credential of a `Bearer` header. */
export const bearerOf = (header: string | undefined): string | undefined =>
  /^bearer +([\x21-\x7e]{1,512}) *$/i.exec(header ?? "")?.[1];

/** The password of a `Basic` header; browsers can send the token no other way when they open an address. */
export function basicPasswordOf(header: string | undefined): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]{1,1024}) *$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? undefined : pair.slice(colon + 1);
}
