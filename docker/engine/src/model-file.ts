import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { messageOf, StartError } from "./errors.ts";
import { faultInHeader } from "./gguf-header.ts";

/** Refuses a file that is absent, is not the one that was asked for, or is no sound GGUF, before native code reads it. */
export async function checkModelFile(path: string, sha256: string | undefined): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) {
      throw new StartError("ERR_MODEL_UNREADABLE", `${path} is not a file`, "name a .gguf model file");
    }
    if (sha256 !== undefined) await checkDigest(path, sha256);
    await checkHeader(path);
  } catch (error) {
    if (error instanceof StartError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new StartError("ERR_MODEL_MISSING", `${path} does not exist`, "check the path given with --model", error);
    }
    throw new StartError("ERR_MODEL_UNREADABLE", messageOf(error), "check the file's permissions", error);
  }
}

async function checkHeader(path: string): Promise<void> {
  await using file = await open(path);
  const fault = await faultInHeader(file);
  if (fault === null) return;
  throw new StartError("ERR_MODEL_CORRUPT", `${path} ${fault}`, "name a .gguf model, or fetch this one again");
}

async function checkDigest(path: string, wanted: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const actual = hash.digest("hex");
  if (actual === wanted) return;
  throw new StartError(
    "ERR_MODEL_SHA256",
    `${path} has sha256 ${actual}, wanted ${wanted}`,
    "fetch the model again, or correct the digest",
  );
}
