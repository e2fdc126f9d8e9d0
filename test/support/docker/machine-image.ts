import { execFileSync, type StdioOptions } from "node:child_process";
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { PrivateEngine } from "../engine.ts";

const SHELL = ["sh", "cat", "chmod", "echo", "find", "gzip", "ln", "mkdir", "rm", "sha256sum", "tar"];
const COMPILER = ["as", "g++", "gcc", "ld", "make", "mv", "nvcc", "uname", "xz"];
const say = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** A link, what it leads to, and so on to the file itself, all in folders that are no links. */
function chain(path: string): string[] {
  const here = join(realpathSync(dirname(path)), basename(path));
  return lstatSync(here).isSymbolicLink() ? [here, ...chain(resolve(dirname(here), readlinkSync(here)))] : [here];
}

/** The program and every library that the loader would load with it. */
function withLibraries(path: string): string[] {
  const listed = say("sh", "-c", `ldd "$0" 2>/dev/null || true`, path);
  return [path, ...(listed.match(/\/[^ ]+\.so[^ ]*/g) ?? [])].flatMap(chain);
}

const programs = (names: readonly string[]): string[] =>
  names.flatMap((name) => withLibraries(say("sh", "-c", `command -v "$0" | sed 's|^[^/].*|/bin/&|'`, name).trim()));

/** nvcc's own folders, g++'s, and the headers and objects of glibc; nothing else of either. */
function compilerFolders(): string[] {
  const cuda = realpathSync(say("sh", "-c", "nvcc --dryrun -E -x cu /dev/null 2>&1 | sed -n 's|.*TOP=||p'").trim());
  const gcc = dirname(say("g++", "-print-libgcc-file-name").trim());
  const backends = ["cc1plus", "collect2"].map((name) => say("g++", `-print-prog-name=${name}`).trim());
  const glob = `ls -d ${cuda}/bin ${cuda}/nvvm/bin ${cuda}/nvvm/libdevice ${cuda}/include ${cuda}/lib64 ${cuda}/lib/lib*.a ${cuda}/targets
    ${gcc}/*.o ${gcc}/lib*.a ${gcc}/lib*.so ${gcc}/include /usr/include/*.h /usr/include/c++ /usr/include/*-linux-gnu
    /usr/include/linux /usr/include/asm-generic /usr/include/arpa /usr/include/netinet /usr/include/net /usr/include/rpc /usr/include/tirpc
    /usr/lib/*-linux-gnu/*.o /usr/lib/*-linux-gnu/lib[cm].* /usr/lib/*-linux-gnu/lib*_nonshared.a
    /usr/lib/*-linux-gnu/libm[-v]*.a /usr/lib/*-linux-gnu/libmvec.* /usr/lib/*-linux-gnu/lib{dl,rt,pthread,util}.a`;
  const found = say("bash", "-c", `${glob.replaceAll("\n", " ")} 2>/dev/null || true`)
    .trim()
    .split("\n");
  const tools = [
    ...backends,
    join(cuda, "nvvm/bin/cicc"),
    ...say("ls", join(cuda, "bin"))
      .trim()
      .split("\n")
      .map((name) => join(cuda, "bin", name)),
  ];
  return [...found, ...tools.flatMap(withLibraries)];
}

/**
 * An image with a shell and what unpacks archives, or with nvcc and its compiler as well, out of this machine's own
 * files: no registry is asked. Returns its tag.
 */
export function importMachine(engine: PrivateEngine, kind: "shell" | "compiler"): string {
  const tag = `test/${kind}:local`;
  const files = [...programs(SHELL), ...(kind === "compiler" ? [...programs(COMPILER), ...compilerFolders()] : [])];
  const roots = ["/bin", "/lib", "/lib64"].filter((path) => lstatSync(path).isSymbolicLink());
  const list = [...new Set([...roots, ...files])].map((path) => `.${path}`).join("\n");
  // Each file once: tar would store a second mention as a link to itself.
  const pack = "cd / && { xargs -d '\\n' find; echo ./tmp; } | sort -u | tar --no-recursion -cf - -T -";
  const load = `docker --host "$0" import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - ${tag}`;
  const stdio: StdioOptions = ["pipe", "ignore", "pipe"];
  execFileSync("bash", ["-o", "pipefail", "-c", `{ ${pack}; } | ${load}`, engine.host], { input: list, stdio });
  return tag;
}
