import { Worker } from "node:worker_threads";
import { messageOf } from "../../lib/errors.ts";
import type { XmlAnswer } from "./xml-worker.ts";

/** One `nvidia-smi -q -x` that was started. `answer` settles when it ended, which may be never. */
export interface XmlRead {
  readonly answer: Promise<XmlAnswer>;
  /** Forgets the program; one that hangs in the driver cannot be ended at all. */
  abandon(): void;
}

/**
 * Reads the full log on a thread of its own: parsing takes long enough to be felt by a waiting share, and a program
 * that hangs must not keep this process from ending.
 */
export function readXml(): XmlRead {
  const worker = new Worker(new URL("./xml-worker.ts", import.meta.url), {
    // Options of this process, such as a program given in place of a file, are not for a thread.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  worker.unref();
  const answer = new Promise<XmlAnswer>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", (error) => resolve({ kind: "failed", reason: messageOf(error) }));
    worker.once("exit", () => resolve({ kind: "failed", reason: "it told nothing" }));
  });
  return { answer, abandon: () => void worker.terminate() };
}
