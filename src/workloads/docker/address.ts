import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { messageOf } from "../../lib/errors.ts";
import { ContainerError } from "../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => string;

const DEFAULT_SOCKET = "/var/run/docker.sock";
const MEND = "set it to unix:///var/run/docker.sock, or to tcp://… with DOCKER_TLS_VERIFY=1";

/** Where the Engine listens: `configured`, else `DOCKER_HOST`; over TCP only with TLS and a client certificate. */
export function engineAddress(
  env: Environment,
  configured?: string,
  readFile: ReadFile = readText,
): Docker.DockerOptions {
  const host = configured ?? (env.DOCKER_HOST || `unix://${DEFAULT_SOCKET}`);
  if (host.startsWith("unix://")) return toSocket(host.slice("unix://".length) || DEFAULT_SOCKET);
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol !== "tcp:" || url.hostname === "")
    throw fault(`the Docker Engine's address is neither unix:// nor tcp://: ${host}`);
  if (!env.DOCKER_TLS_VERIFY) throw fault(`the Docker Engine's address is tcp:// without TLS: ${host}`);
  return { ...toTcp(url), protocol: "https" as const, ...readCertificates(env, readFile) };
}

/** Whether this machine has an Engine's socket; an Engine elsewhere, or a wrong address, is none. */
export function hasEngineSocket(env: Environment, configured?: string): boolean {
  try {
    const { socketPath } = engineAddress(env, configured);
    return typeof socketPath === "string" && existsSync(socketPath);
  } catch {
    return false;
  }
}

// Every field is named: dockerode would fill an absent one from its own reading of the environment.
const NOTHING = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined } as const;

function toSocket(socketPath: string): Docker.DockerOptions {
  if (!socketPath.startsWith("/")) throw fault(`the Docker Engine's address names no absolute path: ${socketPath}`);
  return { ...NOTHING, protocol: "http", socketPath };
}

const toTcp = (url: URL): Docker.DockerOptions => ({
  ...NOTHING,
  socketPath: undefined,
  // dockerode parses it as a URL, where a bare IPv6 address would be misread.
  host: url.hostname,
  port: url.port || "2376",
});

function readCertificates(env: Environment, readFile: ReadFile): Docker.DockerOptions {
  const folder = env.DOCKER_CERT_PATH || join(env.HOME ?? "/root", ".docker");
  try {
    const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((file) => readFile(join(folder, file)));
    return { ca, cert, key };
  } catch (error) {
    throw fault(`the certificates for the Docker Engine cannot be read: ${messageOf(error)}`, error);
  }
}

const readText = (path: string): string => readFileSync(path, "utf8");

const fault = (message: string, cause?: unknown): ContainerError =>
  new ContainerError(message, { code: "ERR_DOCKER_ADDRESS", mend: MEND, retryable: false }, { cause });
