import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { importMachine } from "../../support/docker/machine-image.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import { testWith } from "../../support/requirement.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { HARDENED, inspect } from "./containers.ts";

const SCRIPT = join(import.meta.dirname, "../../../scripts/build-images");
const engine = useEngine();
let server: Server;
let url = "";
let base = "";
const archive = release();
const sha256 = createHash("sha256").update(archive).digest("hex");

/** An archive as miners' authors publish it, with a bit that would give its caller other rights. */
function release(): Buffer {
  using directory = new TemporaryDirectory();
  const program = directory.write("miner-1.2.3/t-rex", '#!/bin/sh\necho "mines $*"\n');
  chmodSync(program, 0o6777);
  directory.write("miner-1.2.3/README.txt", "a fake");
  execFileSync("tar", ["-C", directory.path, "-czf", join(directory.path, "release.tar.gz"), "miner-1.2.3"]);
  return readFileSync(join(directory.path, "release.tar.gz"));
}

beforeAll(async () => {
  if (!DOCKER.present()) return;
  base = importMachine(engine(), "shell");
  server = createServer((_, response) => response.end(archive));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/miner-1.2.3.tar.gz`;
});
afterAll(() => server?.close());

async function build(...args: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const env = { ...process.env, DOCKER_HOST: engine().host, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  const { stdout } = await promisify(execFile)(SCRIPT, ["--json", "--base", base, ...args], { env });
  return JSON.parse(stdout) as Readonly<Record<string, string>>;
}

describe("a miner's release that the operator chose", () => {
  testWith(DOCKER, "becomes an image that runs it directly, as nobody, with none of its special rights", async () => {
    const { "t-rex": id = "" } = await build("--release", "t-rex", url, sha256);
    const { Config } = await inspect(engine(), id);
    expect(Config).toMatchObject({
      User: "10001:10001",
      Entrypoint: ["/miner/.program"],
      Labels: { "rigshift.release.sha256": sha256, "org.opencontainers.image.source": url },
    });
    const tag = `rigshift/miner-t-rex:${sha256.slice(0, 12)}`;
    expect(await engine().docker("run", "--rm", ...HARDENED, tag, "--algo", "kawpow")).toBe("mines --algo kawpow");
    const look = ["run", "--rm", "--entrypoint", "find", id, "/miner", "-type", "f", "-printf", "%f %m %u\n"];
    expect((await engine().docker(...look)).split("\n").sort()).toEqual(["README.txt 644 0", "t-rex 755 0"]);
  });

  testWith(DOCKER, "with another checksum is not unpacked and not built, and both checksums are told", async () => {
    const other = "0".repeat(64);
    await expect(build("--release", "t-rex", url, other)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`SHA-256 ${sha256}, not ${other}[^]* \\(ERR_IMAGE_BUILD\\): `),
    });
    await expect(engine().docker("image", "inspect", `rigshift/miner-t-rex:${other.slice(0, 12)}`)).rejects.toThrow();
  });

  testWith(DOCKER, "without the program that was named is not built", async () => {
    await expect(build("--release", "xmrig", url, sha256)).rejects.toMatchObject({
      stderr: expect.stringContaining("does not hold exactly one file called xmrig"),
    });
    const { ours } = await build("--release", "ours", url, sha256, "--program", "t-rex");
    expect(ours).toMatch(/^sha256:/);
  });

  const wrong = [
    [["t-rex", "ftp://x/y", sha256], "is no address of a release"],
    [["t-rex", "http://x/y", sha256.slice(1)], "is no SHA-256"],
    [["../etc", "http://x/y", sha256], "is no name of a miner"],
    [["ours", "http://x/y", sha256], "it is not known what the program of ours is called"],
    [["t-rex", "http://x/y"], "--release needs a name, a URL and a SHA-256"],
  ] as const;
  for (const [args, reason] of wrong)
    testWith(DOCKER, `is refused when asked for as ${args.join(" ").slice(0, 40)}`, async () => {
      await expect(build("--release", ...args)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(`${reason}.* \\(ERR_USAGE\\): .+`),
      });
    });
});
