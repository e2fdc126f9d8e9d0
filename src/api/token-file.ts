import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "../lib/errors.ts";
import { ApiError } from "./errors.ts";

/** Where the token for writes lives: 256 random bits, base64url, mode 0600. */
export const tokenPath = (dataDir: string): string => join(dataDir, "token");

const TOKEN = /^[A-Za-z0-9_-]{43,128}$/;
const GREATEST_FILE_BYTES = 256;

const refuse = (what: string, mend: string, cause?: unknown): ApiError =>
  new ApiError(what, { code: "ERR_API_TOKEN_FILE", mend }, { cause });

async function readChecked(file: FileHandle, path: string): Promise<string> {
  const facts = await file.stat();
  if (!facts.isFile() || facts.size > GREATEST_FILE_BYTES)
    throw refuse(`${path} is not a token file`, "move it away; the next start makes a new one");
  if ((facts.mode & 0o077) !== 0) throw refuse(`${path} can be read by others`, `run: chmod 600 ${path}`);
  const token = (await file.readFile("utf8")).trim();
  if (!TOKEN.test(token)) throw refuse(`${path} holds no token`, "delete it; the next start makes a new one");
  return token;
}

/** The token in `dataDir`, or undefined when there is none yet; refuses a file that others can read. */
export async function readToken(dataDir: string): Promise<string | undefined> {
  const path = tokenPath(dataDir);
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw refuse(`${path} cannot be read`, `make ${path} a plain file that this user can read`, error);
  }
  try {
    return await readChecked(file, path);
  } finally {
    await file.close();
  }
}
