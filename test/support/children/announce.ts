/**
 * A child that announces itself and then lives until it is told to end. Its arguments change that:
 * `stubborn` ignores SIGTERM and the end of its input, `talk` says something on both outputs first,
 * `grandchild` starts a process of its own and names its pid, `exit=N` ends by itself when a line arrives on its port.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";

const wishes = new Set(process.argv.slice(2));
const exitCode = [...wishes].find((wish) => wish.startsWith("exit="))?.slice("exit=".length);

if (wishes.has("stubborn")) process.on("SIGTERM", () => process.stderr.write("not yet\n"));
else process.stdin.on("end", () => process.exit(0)).resume();
if (wishes.has("talk")) process.stderr.write("loading \u001b[31mmodel\n");

const grandchild = wishes.has("grandchild") ? spawn("sleep", ["600"], { stdio: "inherit" }) : undefined;

const server = createServer((socket) => {
  socket.on("data", () => {
    process.stderr.write("the device is gone\n", () => process.exit(Number(exitCode ?? 1)));
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const facts = { backend: "cpu", grandchild: grandchild?.pid, env: process.env, ppid: process.ppid };
  process.stdout.write(`${JSON.stringify({ event: "listening", host: "127.0.0.1", port, ...facts })}\n`);
  if (wishes.has("talk")) process.stdout.write("more that nobody reads\n".repeat(100_000));
});
