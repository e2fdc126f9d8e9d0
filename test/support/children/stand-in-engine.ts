/**
 * An engine that starts in an instant and answers everything with one token, with vLLM's sleep mode. `/tmp/rests` is
 * there while it sleeps. MODE: `wakeless` (sleeps, and cannot be woken), `sleepless` (has no sleep mode), `crash`.
 */
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";

const RESTS = "/tmp/rests";
const flag = (name: string): string => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? "";
const mode = process.env.MODE ?? "";

process.on("SIGTERM", () => process.exit(0));
if (mode === "crash") {
  process.stderr.write("the model is broken\n");
  process.exit(3);
}

let asleep = false;
const say = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

const sleep = (wanted: boolean) => {
  asleep = wanted;
  if (asleep) writeFileSync(RESTS, "");
  else rmSync(RESTS, { force: true });
};

const server = createServer((request, response) => {
  const { url = "" } = request;
  request.resume();
  if (mode !== "sleepless") {
    if (url === "/is_sleeping") return say(response, 200, { is_sleeping: asleep });
    if (url === "/wake_up" && mode === "wakeless") return say(response, 500, { error: "out of memory" });
    if (url.startsWith("/sleep") || url === "/wake_up") {
      sleep(url !== "/wake_up");
      return say(response, 200, {});
    }
  }
  if (!url.startsWith("/v1/")) return say(response, 404, {});
  if (asleep) return say(response, 503, { error: { message: "asleep" } });
  return say(response, 200, {
    choices: [{ text: "a", message: { role: "assistant", content: "a" } }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  });
});
server.listen(flag("socket"), () => {
  const facts = { backend: "stand-in", model: "tiny", contextTokens: 512, slots: 4 };
  process.stdout.write(`${JSON.stringify({ event: "listening", host: "", port: 0, ...facts })}\n`);
});
