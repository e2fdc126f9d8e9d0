import { randomBytes } from "node:crypto";
import { link, mkdir, open, rm } from "node:fs/promises";
import { readToken, tokenPath } from "../api/token-file.ts";
import { isRigError, systemCodeOf } from "../lib/errors.ts";
import { HttpError } from "./errors.ts";

const TOKEN_BYTES = 32;

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the token file whole or not at all; when another process was faster, its token stays. */
async function createToken(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = tokenPath(dataDir);
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeSynced(draft, `${randomBytes(TOKEN_BYTES).toString("base64url")}\n`);
    await link(draft, path);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The token of `dataDir`, made at first start; refuses a file that others can read. */
export async function loadToken(dataDir: string): Promise<string> {
  try {
    const token = await readToken(dataDir);
    if (token !== undefined) return token;
    await createToken(dataDir);
    const made = await readToken(dataDir);
    if (made !== undefined) return made;
  } catch (error) {
    if (isRigError(error)) throw error;
    const mend = `make ${dataDir} writable for this user`;
    throw new HttpError("the token file cannot be made", { code: "ERR_HTTP_TOKEN_FILE", mend }, { cause: error });
  }
  const mend = `look for what removes files from ${dataDir}`;
  throw new HttpError("the token file vanished", { code: "ERR_HTTP_TOKEN_FILE", mend });
}
