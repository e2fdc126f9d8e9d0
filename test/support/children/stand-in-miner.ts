/**
 * A miner that starts in an instant and burns nothing: it writes a line to its pool for every share it would find, and
 * has the reference miner's API. `/tmp/rests` is there while it does not hash. MODE: `deaf` (to SIGTERM), `crash`,
 * `eat`, `stubborn` (cannot be paused by its API), each with `:INDEX` behind it for that GPU's only.
 */
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";

const RESTS = "/tmp/rests";
const flag = (name: string): string => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? "";
const worker = flag("user");
const [mode = "", only] = (process.env.MODE ?? "").split(":");
const is = (wanted: string): boolean => mode === wanted && (only === undefined || worker.endsWith(`-${only}`));

process.on("SIGTERM", () => {
  if (!is("deaf")) process.exit(0);
});
if (is("crash")) {
  process.stderr.write("the card cannot be opened\n");
  process.exit(4);
}

const eaten: Buffer[] = [];
const eat = () => void setInterval(() => eaten.push(Buffer.alloc(16 << 20, 1)), 10);
if (is("eat")) setTimeout(eat, 1500);

const pool = new URL(flag("pool"));
const socket = connect({ host: pool.hostname, port: Number(pool.port) });
socket.on("error", () => {
  // Without its pool it goes on, and finds nothing.
});
let paused = false;
let shares = 0;
const share = () => {
  if (!paused && socket.writable && socket.write(`${worker}\n`)) shares++;
};
socket.once("connect", share);
setInterval(share, 250);

const rest = (wanted: boolean) => {
  paused = wanted;
  if (paused) writeFileSync(RESTS, "");
  else rmSync(RESTS, { force: true });
  if (!paused) share();
};

const say = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
const stats = () => ({
  algorithm: "sha256d",
  uptimeS: process.uptime(),
  paused,
  hashrateHps: paused ? null : 5e6,
  acceptedShares: shares,
  rejectedShares: 0,
  devices: [{ hashrateHps: paused ? null : 5e6 }],
  pool: { url: pool.href, connected: socket.writable },
});
const api = createServer((request, response) => {
  if (request.url === "/stats") return say(response, 200, stats());
  if (is("stubborn")) return say(response, 500, {});
  rest(request.url === "/pause");
  return say(response, 200, { paused });
});
api.listen(flag("api-socket"), () => {
  process.stdout.write(`${JSON.stringify({ event: "listening", host: "", port: 0 })}\n`);
});
