import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { InferenceError } from "./errors.ts";

const GGUF_MAGIC = "GGUF";

/** Refuses a model file that is missing, no GGUF, or not the one `sha256` names, before anything is started for it. */
export async function checkModelFile(file: string, sha256: string | undefined): Promise<void> {
  if ((await readMagic(file)) !== GGUF_MAGIC) throw corrupt(file, "is not a GGUF file");
  if (sha256 === undefined) return;
  const found = await hashFile(file);
  if (found !== sha256.toLowerCase()) throw corrupt(file, `has sha256 ${found}, not ${sha256.toLowerCase()}`);
}

async function readMagic(file: string): Promise<string> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } catch (cause) {
    throw new InferenceError(
      `model file ${file} cannot be read`,
      { code: "ERR_MODEL_MISSING", file, mend: "set inference.engine.modelFile to a readable GGUF file" },
      { cause },
    );
  }
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}

const corrupt = (file: string, what: string): InferenceError =>
  new InferenceError(`model file ${file} ${what}`, {
    code: "ERR_MODEL_CORRUPT",
    file,
    mend: "fetch the file again, or correct inference.engine.modelFile and inference.engine.sha256",
  });
