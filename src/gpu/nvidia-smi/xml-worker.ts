import { parentPort } from "node:worker_threads";
import readLog from "node-nvidia-smi";
import { messageOf } from "../../lib/errors.ts";

/** What came of one `nvidia-smi -q -x`. */
export type XmlAnswer =
  | { readonly kind: "document"; readonly document: unknown }
  | { readonly kind: "unreadable"; readonly reason: string }
  | { readonly kind: "failed"; readonly exitCode?: number; readonly reason: string };

readLog((error, document) => parentPort?.postMessage(error ? toFailure(error) : { kind: "document", document }));

/** The package gives the program's end, its words on standard error, or the XML parser's complaint. */
function toFailure(error: unknown): XmlAnswer {
  if (typeof error === "string") return { kind: "failed", reason: firstLine(error) };
  const exitCode = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof exitCode === "number") return { kind: "failed", exitCode, reason: reasonOf(messageOf(error)) };
  const wasStopped = error instanceof Error && ("killed" in error || "signal" in error);
  if (wasStopped) return { kind: "failed", reason: reasonOf(messageOf(error)) };
  return { kind: "unreadable", reason: messageOf(error).split("\n").join(", ") };
}

const firstLine = (text: string): string => text.trim().split("\n", 1)[0] ?? "";

/** Without the first line, which only repeats the command. */
const reasonOf = (message: string): string => firstLine(message.split("\n").slice(1).join("\n")) || firstLine(message);
