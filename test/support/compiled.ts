import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const KEPT = join(ROOT, ".build/test");

export interface Compilation {
  readonly compiler: "gcc" | "g++";
  readonly flags: readonly string[];
  /** From the repository's root; every header beside one of them counts as used. */
  readonly sources: readonly string[];
  /** Behind the sources. */
  readonly libraries?: readonly string[];
}

/** The path of what the compiler makes of `sources`: made once for their content, whichever processes ask for it at once. */
export function compiled({ compiler, flags, sources, libraries = [] }: Compilation): string {
  const folders = [...new Set(sources.map((path) => dirname(path)))];
  const read = [...sources, ...folders.flatMap((folder) => globSync(`${folder}/*.{h,cuh}`, { cwd: ROOT }).sort())];
  const key = createHash("sha256").update(JSON.stringify([process.arch, compiler, flags, libraries, read]));
  for (const path of read) key.update(`\0${readFileSync(join(ROOT, path), "utf8")}`);
  const made = join(KEPT, key.digest("hex").slice(0, 32));
  if (existsSync(made)) return made;
  mkdirSync(KEPT, { recursive: true });
  const draft = `${made}.${process.pid}`;
  execFileSync(compiler, [...flags, "-o", draft, ...sources, ...libraries], { cwd: ROOT });
  renameSync(draft, made);
  return made;
}
