import { mkdirSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { AgentFile } from "../../../src/api/agent-file.ts";
import type { RigView } from "../../../src/api/shapes.ts";
import { runCli } from "../../../src/cli/program.ts";
import { loadToken } from "../../../src/http/token.ts";
import { fakeRig, fakeValuations } from "../../support/fake-rig-port.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

export const ID = "0b7f9a52-the-agent";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What an agent answers, by path; a test replaces what it wants otherwise. */
export const answers = (rig: RigView = fakeRig()): Record<string, unknown> => ({
  "/healthz": { status: "ok", instance: ID },
  "/api/v1/rig": rig,
  "/api/v1/valuations": fakeValuations(),
  "/api/v1/mode": { mode: "mine", gpu: null, untilMs: null },
});

export interface Place extends AsyncDisposable {
  readonly directory: TemporaryDirectory;
  readonly dataDir: string;
  readonly url: string;
  readonly token: string;
  readonly asked: Asked[];
  /** Runs one command line there. */
  readonly run: (...args: string[]) => Promise<Ran>;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A server that answers as told, and a data directory whose `agent.json` names it. */
export async function place(given: Record<string, unknown> = answers(), file: Partial<AgentFile> = {}): Promise<Place> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const path = request.url ?? "";
    asked.push({
      method: request.method ?? "",
      path,
      headers: request.headers,
      body: Buffer.concat(pieces).toString(),
    });
    const body = given[path];
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const directory = new TemporaryDirectory();
  const dataDir = join(directory.path, ".rigshift");
  mkdirSync(dataDir, { mode: 0o700 });
  const token = await loadToken(dataDir);
  directory.write(".rigshift/agent.json", JSON.stringify({ url, pid: process.pid, id: ID, ...file }));
  return {
    directory,
    dataDir,
    url,
    token,
    asked,
    run: (...args) => runIn(directory.path, args),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      directory[Symbol.dispose]();
    },
  };
}

/** Runs one command line in `cwd`; `lines` are what comes through the pipe, or is typed where `isTTY`. */
export async function runIn(
  cwd: string,
  args: readonly string[],
  {
    lines = [],
    isTTY = false,
    isTerminal = false,
  }: { readonly lines?: readonly string[]; readonly isTTY?: boolean; readonly isTerminal?: boolean } = {},
): Promise<Ran> {
  let out = "";
  let err = "";
  const code = await runCli(args, {
    env: {},
    cwd,
    input: () => Object.assign(Readable.from(lines.map((line) => `${line}\n`)), { isTTY }),
    isTerminal,
    print: (text) => {
      out += text;
    },
    printError: (text) => {
      err += text;
    },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
