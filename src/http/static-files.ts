import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { systemCodeOf } from "../lib/errors.ts";

export interface StaticFile {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
  readonly cacheControl: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** A name that carries its content's hash may be kept for ever; any other is asked for again each time. */
const HASHED_NAME = /-[A-Z0-9]{8}\.\w+$/;

async function readStatic(path: string, name: string, contentType: string): Promise<StaticFile> {
  const body = await readFile(path);
  return {
    body,
    contentType,
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    cacheControl: HASHED_NAME.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
  };
}

/**
 * The page's files by address, read once: what is not in the map cannot be asked for, so no path is ever built from a request.
 * Empty when the page was not built.
 */
export async function loadStaticFiles(webRoot: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  try {
    for (const entry of await readdir(webRoot, { withFileTypes: true })) {
      const contentType = CONTENT_TYPES[extname(entry.name)];
      if (!entry.isFile() || contentType === undefined) continue;
      files.set(`/${entry.name}`, await readStatic(join(webRoot, entry.name), entry.name, contentType));
    }
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
  const index = files.get("/index.html");
  return index ? files.set("/", index) : files;
}
