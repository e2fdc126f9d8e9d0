import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { PrivateEngine } from "../engine.ts";
import { TemporaryDirectory } from "../temporary-directory.ts";

const DOCKERFILE = `ARG BASE
FROM \${BASE}
ARG MODE
ENV MODE=\${MODE}
COPY work.mjs /app/work.mjs
USER 10001:10001
ENTRYPOINT ["node", "/app/work.mjs"]
`;

/** Builds an image of a stand-in for the miner or the engine, which are described where they are; returns its id. */
export async function standInImage(engine: PrivateEngine, role: "miner" | "engine", mode = ""): Promise<string> {
  using folder = new TemporaryDirectory("rigshift-image");
  const program = readFileSync(join(import.meta.dirname, `../children/stand-in-${role}.ts`), "utf8");
  folder.write("work.mjs", stripTypeScriptTypes(program));
  folder.write("Dockerfile", DOCKERFILE);
  const given = [`BASE=${await engine.image("base")}`, `MODE=${mode}`].flatMap((one) => ["--build-arg", one]);
  return await engine.docker("build", "--quiet", ...given, folder.path);
}
