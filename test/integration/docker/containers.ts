import { execFile } from "node:child_process";
import { connect, createServer, type Socket } from "node:net";
import { promisify } from "node:util";
import { eventually } from "../../support/agent-process.ts";
import type { PrivateEngine } from "../../support/engine.ts";

/** As strangers' work runs: no capability, no new privilege, nothing to write to but a small /tmp. */
export const HARDENED = [
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp:size=64m"],
  ...["--pids-limit", "128", "--memory", "512m"],
] as const;

export interface Inspected {
  readonly Config: {
    readonly User: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Entrypoint: readonly string[];
    readonly Healthcheck?: { readonly Test: readonly string[] };
  };
  readonly Size?: number;
  readonly State?: { readonly Status: string; readonly ExitCode: number };
  readonly NetworkSettings?: { readonly IPAddress: string };
}

export async function inspect(engine: PrivateEngine, id: string): Promise<Inspected> {
  const [found] = JSON.parse(await engine.docker("inspect", id)) as readonly Inspected[];
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
}

const run = promisify(execFile);

/** What a container wrote so far. */
export const logs = (engine: PrivateEngine, container: string): Promise<{ stdout: string; stderr: string }> =>
  run("docker", ["--host", engine.host, "logs", container]);

/** The line in which a container says where it listens. */
export const announcement = (engine: PrivateEngine, container: string): Promise<Readonly<Record<string, unknown>>> =>
  eventually(async () => {
    const { State } = await inspect(engine, container);
    const { stdout, stderr } = await logs(engine, container);
    const [line = ""] = stdout.split("\n");
    if (line !== "") return JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (State?.Status !== "running") throw new Error(`the container ended with ${State?.ExitCode}: ${stderr}`);
    return undefined;
  });

/** Stops it as the agent does; its exit code and how long that took. */
export async function stop(engine: PrivateEngine, container: string): Promise<{ code: number; ms: number }> {
  const started = performance.now();
  await engine.docker("stop", "--time", "8", container);
  const { State } = await inspect(engine, container);
  return { code: State?.ExitCode ?? -1, ms: performance.now() - started };
}

/** A port on the bridge's address that leads to `port` on loopback, as the rig has for its miners. */
export async function bridgePort(host: string, port: number): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the bridge port has no address");
  return {
    port: address.port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
