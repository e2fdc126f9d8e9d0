import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, systemCodeOf } from "../../lib/errors.ts";
import { MiningError } from "../errors.ts";

const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

/** What one GPU's miner is asked by: a token that nobody can guess, and a file of ours to tell it by. */
export interface ApiKey {
  readonly token: string;
  /** Writes `text` for the miner alone to read, and returns where; throws `ERR_MINER_FILE`. */
  tell(text: string): string;
}

/**
 * The tokens of the miners' APIs, in files of a folder that only this user opens: a container that outlived the agent
 * goes by the one it was started with.
 */
export class ApiKeys {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `gpu` is a UUID, and so is fit to be a file's name; throws `ERR_MINER_FILE`. */
  of(gpu: string): ApiKey {
    const path = join(this.#folder, `${gpu}.token`);
    const token = this.#read(path) ?? this.#write(path, randomBytes(TOKEN_BYTES).toString("base64url"));
    return {
      token,
      tell: (text) => {
        const file = join(this.#folder, `${gpu}.json`);
        this.#write(file, text);
        return file;
      },
    };
  }

  #read(path: string): string | undefined {
    try {
      const token = readFileSync(path, "utf8").trim();
      return TOKEN.test(token) ? token : undefined;
    } catch (cause) {
      if (systemCodeOf(cause) === "ENOENT") return undefined;
      throw fileFault(path, cause);
    }
  }

  /** Whole or not at all, and never readable by others on the way. */
  #write(path: string, text: string): string {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const draft = `${path}.${randomBytes(6).toString("hex")}`;
      writeFileSync(draft, text, { mode: 0o600, flag: "wx" });
      renameSync(draft, path);
      return text;
    } catch (cause) {
      throw fileFault(path, cause);
    }
  }
}

const fileFault = (path: string, cause: unknown): MiningError =>
  new MiningError(
    `the miner's file ${path} cannot be kept: ${messageOf(cause)}`,
    { code: "ERR_MINER_FILE", mend: "make the data directory writable for this user", retryable: true },
    { cause },
  );
