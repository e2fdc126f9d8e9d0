import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildWeb } from "../../../scripts/build-web.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

describe("building the page", () => {
  test("puts a page with hashed files and nothing inline into the web root", async () => {
    using directory = new TemporaryDirectory();
    const { outcome, webRoot, bytes } = await buildWeb({ outDir: directory.path });
    expect(outcome).toBe("built");
    const files = readdirSync(webRoot).sort();
    expect(files).toEqual([
      "icon.svg",
      "index.html",
      expect.stringMatching(/^main-\w{8}\.js$/),
      expect.stringMatching(/^page-\w{8}\.css$/),
    ]);
    const html = readFileSync(join(webRoot, "index.html"), "utf8");
    for (const name of files.slice(2)) expect(html).toContain(`"/${name}"`);
    expect(html).not.toMatch(/<style|<script(?![^>]*src)|\sstyle=|\son\w+=|https?:\/\//);
    expect(bytes).toBeLessThan(100 * 1024);
    expect(readdirSync(directory.path).sort()).toEqual(["web", "web.stamp"]);
  });

  test("leaves a fresh page alone, and makes a new one when it is told or a file is gone", async () => {
    using directory = new TemporaryDirectory();
    const { webRoot } = await buildWeb({ outDir: directory.path });
    const index = join(webRoot, "index.html");
    const { ino } = statSync(index);
    expect((await buildWeb({ outDir: directory.path })).outcome).toBe("fresh");
    expect(statSync(index).ino).toBe(ino);
    expect((await buildWeb({ outDir: directory.path, force: true })).outcome).toBe("built");
    rmSync(index);
    expect((await buildWeb({ outDir: directory.path })).outcome).toBe("built");
  });

  test("builds again when a source is not what it was", async () => {
    using directory = new TemporaryDirectory();
    await buildWeb({ outDir: directory.path });
    const stampFile = join(directory.path, "web.stamp");
    const stamp = JSON.parse(readFileSync(stampFile, "utf8")) as { inputs: string[]; digest: string };
    expect(stamp.inputs).toEqual(
      expect.arrayContaining([
        "src/web/main.tsx",
        "src/web/page.css",
        "src/web/index.html",
        "src/api/client.ts",
        "scripts/build-web.ts",
      ]),
    );
    for (const broken of [
      "{}",
      "",
      JSON.stringify({ ...stamp, digest: "0" }),
      JSON.stringify({ ...stamp, inputs: ["gone.ts"] }),
    ]) {
      writeFileSync(stampFile, broken);
      expect((await buildWeb({ outDir: directory.path })).outcome, broken).toBe("built");
    }
  });

  test("gives the same files for the same sources", async () => {
    using one = new TemporaryDirectory();
    using other = new TemporaryDirectory();
    const [a, b] = [await buildWeb({ outDir: one.path }), await buildWeb({ outDir: other.path })];
    expect(readdirSync(a.webRoot)).toEqual(readdirSync(b.webRoot));
  });
});
