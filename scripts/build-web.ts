import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { build, version as esbuildVersion, type Metafile } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const SOURCES = join(ROOT, "src/web");
const COPIED = ["index.html", "icon.svg"];

export interface WebBuild {
  readonly outcome: "fresh" | "built";
  readonly webRoot: string;
  readonly bytes: number;
}

/** What the built page was made from; the page is fresh while a new digest over the same files is equal. */
interface Stamp {
  readonly inputs: readonly string[];
  readonly digest: string;
}

async function digestOf(inputs: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(`esbuild ${esbuildVersion}\n`);
  for (const input of inputs) hash.update(`${input}\n`).update(await readFile(join(ROOT, input)));
  return hash.digest("hex");
}

async function isFresh(webRoot: string, stampFile: string): Promise<boolean> {
  try {
    const { inputs, digest } = JSON.parse(await readFile(stampFile, "utf8")) as Stamp;
    return existsSync(join(webRoot, "index.html")) && (await digestOf(inputs)) === digest;
  } catch {
    // No stamp, or a file that it names is gone: either way the page has to be built.
    return false;
  }
}

const bundle = (outdir: string) =>
  build({
    absWorkingDir: ROOT,
    entryPoints: [join(SOURCES, "main.tsx"), join(SOURCES, "page.css")],
    outdir,
    bundle: true,
    minify: true,
    metafile: true,
    format: "esm",
    target: ["chrome115", "firefox115", "safari16.4"],
    entryNames: "[name]-[hash]",
    jsx: "automatic",
    jsxImportSource: "preact",
    external: ["/icon.svg"],
    logLevel: "silent",
  });

const SOURCE_OF: Readonly<Record<string, string>> = { "main.tsx": "/main.js", "page.css": "/page.css" };

/** Points the page at the hashed names that the bundle got. */
function toPage(html: string, outputs: Metafile["outputs"]): string {
  return Object.entries(outputs).reduce((page, [path, { entryPoint }]) => {
    const plain = SOURCE_OF[basename(entryPoint ?? "")];
    return plain === undefined ? page : page.replace(`"${plain}"`, `"/${basename(path)}"`);
  }, html);
}

/** Builds beside the old page and swaps, so that a reader never sees half of one. */
async function buildInto(webRoot: string, stampFile: string): Promise<number> {
  const draft = `${webRoot}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  try {
    const { metafile } = await bundle(draft);
    const html = await readFile(join(SOURCES, "index.html"), "utf8");
    await writeFile(join(draft, "index.html"), toPage(html, metafile.outputs));
    await writeFile(join(draft, "icon.svg"), await readFile(join(SOURCES, "icon.svg")));
    const copied = [...COPIED.map((name) => join(SOURCES, name)), import.meta.filename];
    const inputs = [...Object.keys(metafile.inputs), ...copied.map((path) => relative(ROOT, path))].sort();
    const digest = await digestOf(inputs);
    await rm(webRoot, { recursive: true, force: true });
    await rename(draft, webRoot);
    await writeFile(stampFile, JSON.stringify({ inputs, digest } satisfies Stamp));
    return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Bundles the status page into `outDir`/web, unless what is there was made from the very same sources. */
export async function buildWeb(
  options: { readonly force?: boolean; readonly outDir?: string } = {},
): Promise<WebBuild> {
  const { force = false, outDir = join(ROOT, ".build") } = options;
  const webRoot = join(outDir, "web");
  const stampFile = join(outDir, "web.stamp");
  await mkdir(outDir, { recursive: true });
  if (!force && (await isFresh(webRoot, stampFile))) return { outcome: "fresh", webRoot, bytes: 0 };
  return { outcome: "built", webRoot, bytes: await buildInto(webRoot, stampFile) };
}

if (import.meta.main) {
  const { outcome, bytes, webRoot } = await buildWeb({ force: process.argv.includes("--force") });
  if (outcome === "built")
    console.log(`built the status page: ${Math.ceil(bytes / 1024)} kB in ${relative(ROOT, webRoot)}`);
}
