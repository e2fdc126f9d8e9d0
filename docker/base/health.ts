// Usage: node health.ts PATH PORT. Asks whoever listens on a socket in /run/rigshift, or else on this port of the container.
import { readdirSync } from "node:fs";
import { get } from "node:http";

const FOLDER = "/run/rigshift";
const [path = "/", port = "0"] = process.argv.slice(2);

function findSocket(): string | undefined {
  try {
    const found = readdirSync(FOLDER, { withFileTypes: true }).find((entry) => entry.isSocket());
    return found && `${FOLDER}/${found.name}`;
  } catch {
    // No such folder: it listens on a port, or nowhere.
    return undefined;
  }
}

const socketPath = findSocket();
const where = socketPath === undefined ? { host: "127.0.0.1", port } : { socketPath };
const failed = () => process.exit(1);
get({ ...where, path, timeout: 2000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on("timeout", failed)
  .on("error", failed);
