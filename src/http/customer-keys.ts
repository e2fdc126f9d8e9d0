import { readPrivateFile } from "../config/private-file.ts";
import { HttpError } from "./errors.ts";

const KEY = /^[\x21-\x7e]{16,256}$/;
const LARGEST_FILE = 1024 * 1024;

/** One key per line; empty lines and those that begin with # are skipped. No file, no keys; one open to others is refused. */
export function readCustomerKeys(file: string | undefined): readonly string[] {
  if (file === undefined) return [];
  const read = readPrivateFile(file, LARGEST_FILE);
  if (read.kind === "refused") throw fault(file, read.why, read.mend, read.cause);
  const lines = read.text.split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const wrong = keys.findIndex((key) => !KEY.test(key));
  if (wrong < 0 && keys.length > 0) return keys;
  const why =
    wrong < 0
      ? "holds no key"
      : `holds a wrong key: key ${wrong + 1} is not 16 to 256 printable characters without spaces`;
  throw fault(file, why, "write one key per line, such as the output of `openssl rand -hex 32`");
}

const fault = (file: string, why: string, mend: string, cause?: unknown): HttpError =>
  new HttpError(
    `the customer keys in ${file} cannot be used: the file ${why}`,
    { code: "ERR_HTTP_CUSTOMER_KEYS", mend },
    { cause },
  );
