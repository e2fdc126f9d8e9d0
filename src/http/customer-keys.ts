import { readFile } from "node:fs/promises";
import { messageOf } from "../lib/errors.ts";
import { HttpError } from "./errors.ts";

const KEY = /^[\x21-\x7e]{16,256}$/;

/** One key per line; empty lines and those that begin with # are skipped. No file, no keys. */
export async function readCustomerKeys(file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return [];
  const lines = (await read(file)).split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const wrong = keys.findIndex((key) => !KEY.test(key));
  if (wrong < 0 && keys.length > 0) return keys;
  const what = wrong < 0 ? "holds no key" : `key ${wrong + 1} is not 16 to 256 printable characters without spaces`;
  throw new HttpError(`${file}: ${what}`, {
    code: "ERR_HTTP_CUSTOMER_KEYS",
    mend: "write one key per line, such as the output of `openssl rand -hex 32`",
  });
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new HttpError(
      `${file} cannot be read: ${messageOf(cause)}`,
      { code: "ERR_HTTP_CUSTOMER_KEYS", mend: "point http.customerKeysFile at a readable file, or remove it" },
      { cause },
    );
  }
}
