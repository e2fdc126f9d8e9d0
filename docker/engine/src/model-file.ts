import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { messageOf, StartError } from "./errors.ts";

const MAGIC = "GGUF";
const OLDEST_VERSION = 2;
const NEWEST_VERSION = 3;

/** Refuses a file that is absent, is not GGUF, or is not the one that was asked for, before any native code reads it. */
export async function checkModelFile(path: string, sha256: string | undefined): Promise<void> {
  const head = await readHead(path);
  if (head.length < 8 || head.toString("latin1", 0, 4) !== MAGIC) {
    throw new StartError("ERR_MODEL_CORRUPT", `${path} is not a GGUF file`, "name a .gguf model, or fetch it again");
  }
  const version = head.readUInt32LE(4);
  if (version < OLDEST_VERSION || version > NEWEST_VERSION) {
    throw new StartError(
      "ERR_MODEL_CORRUPT",
      `${path} has GGUF version ${version}`,
      `convert it to version ${NEWEST_VERSION}`,
    );
  }
  if (sha256 === undefined) return;
  const actual = await digest(path);
  if (actual !== sha256) {
    throw new StartError(
      "ERR_MODEL_SHA256",
      `${path} has sha256 ${actual}, wanted ${sha256}`,
      "fetch the model again, or correct the digest",
    );
  }
}

async function readHead(path: string): Promise<Buffer> {
  try {
    if (!(await stat(path)).isFile()) {
      throw new StartError("ERR_MODEL_UNREADABLE", `${path} is not a file`, "name a .gguf model file");
    }
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof StartError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new StartError("ERR_MODEL_MISSING", `${path} does not exist`, "check the path given with --model", error);
    }
    throw new StartError("ERR_MODEL_UNREADABLE", messageOf(error), "check the file's permissions", error);
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
