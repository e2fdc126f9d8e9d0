import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { BenchEvent } from "../../../src/api/bench.ts";
import { repositoryRoot } from "../../../src/config/default.ts";
import { CPU_UUID, fakeGpu, fakeRig } from "../../support/fake-rig-port.ts";
import { onPath, type Requirement, testWith } from "../../support/requirement.ts";
import { until } from "../../support/until.ts";
import { answers, ID, place } from "./harness.ts";

const MAIN = join(repositoryRoot, "src/cli/main.ts");
const PROGRESS: BenchEvent = { type: "progress", gpu: CPU_UUID, doing: "measuring", part: 0.5 };
const END: BenchEvent = { type: "end", gpu: CPU_UUID, points: [], best: null, restored: true };

const TERMINAL: Requirement = {
  name: "script",
  mend: "install util-linux",
  expectedInCi: true,
  present: () => onPath("script"),
};

/** An agent whose benchmark lasts until it is told to end, and which knows when its client has gone. */
async function slowAgent() {
  const finish = new AbortController();
  let gone = false;
  const given = answers(fakeRig({ gpus: [fakeGpu()] }));
  const server = createServer(async (request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    if (request.url !== "/api/v1/bench") return void response.end(JSON.stringify(given[request.url ?? ""] ?? {}));
    response.once("close", () => (gone = !response.writableFinished));
    response.write(`${JSON.stringify(PROGRESS)}\n`);
    while (!finish.signal.aborted && !response.destroyed) await pause(20);
    response.end(`${JSON.stringify(END)}\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    isLeft: () => gone,
    finish: () => finish.abort(),
    [Symbol.asyncDispose]: async () => {
      finish.abort();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The real command line at a terminal of its own; `type` presses keys. */
function atTerminal(dataDir: string) {
  const command = `${process.execPath} ${MAIN} bench --data-dir ${dataDir} --for 1s`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], { env: { PATH: process.env.PATH, TERM: "xterm" } });
  let screen = "";
  child.stdout.on("data", (piece: Buffer) => (screen += piece.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { screen: () => screen, type: (keys: string) => child.stdin.write(keys), ended };
}

testWith(TERMINAL, "a terminal shows a bar that moves, and is wiped when the figures come", async () => {
  await using agent = await slowAgent();
  await using there = await place(answers(), { url: agent.url, id: ID });
  const terminal = atTerminal(there.dataDir);
  await until(() => terminal.screen().includes("50 % measuring"));
  expect(terminal.screen()).toContain(`${"█".repeat(15)}${"░".repeat(15)}`);
  agent.finish();
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen().split("\r\x1b[K").at(-1)).toMatch(/^[^█]*GPU +WORKLOAD/);
});

testWith(TERMINAL, "Ctrl-C lets go of the agent at once", async () => {
  await using agent = await slowAgent();
  await using there = await place(answers(), { url: agent.url, id: ID });
  const terminal = atTerminal(there.dataDir);
  await until(() => terminal.screen().includes("50 % measuring"));
  terminal.type("\x03");
  await until(() => agent.isLeft(), 10_000);
  await terminal.ended;
  expect(terminal.screen()).not.toContain("rigshift:");
});
