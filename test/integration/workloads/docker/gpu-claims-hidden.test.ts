import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { millis } from "../../../../src/units/time.ts";
import { Engine } from "../../../../src/workloads/docker/engine.ts";
import { GpuClaims } from "../../../../src/workloads/docker/gpu-claims.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

const { signal } = new AbortController();
const ID = { good: "a".repeat(64), bad: "b".repeat(64), watcher: "c".repeat(64) };
const LIST = [
  { Id: ID.good, Names: ["/renter"], Labels: {}, Image: "pytorch" },
  { Id: ID.bad, Names: ["/stuck"], Labels: {}, Image: "pytorch" },
  { Id: ID.watcher, Names: ["/metrics"], Labels: {}, Image: "nvidia/dcgm-exporter:3" },
];
const RENTER = {
  Config: { Env: [] },
  State: { StartedAt: "2026-01-02T03:04:05.678901234Z" },
  HostConfig: { Runtime: "runc", DeviceRequests: [{ Driver: "", Count: -1, Capabilities: [["gpu"]] }] },
};

/** An Engine whose answers about one container are whatever the test says. */
let about: (answer: ServerResponse) => void;
let asked: string[];
let log: string[];
let folder: TemporaryDirectory;
const server = createServer((request, answer) => {
  const path = request.url?.replace(/^\/v[\d.]+/, "") ?? "";
  const json = (body: unknown) => void answer.setHeader("content-type", "application/json").end(JSON.stringify(body));
  if (path.startsWith("/version")) return json({ Version: "27", ApiVersion: "1.45" });
  if (path.startsWith("/containers/json")) return json(LIST);
  asked.push(path.split("/")[2] ?? "");
  return path.includes(ID.bad) ? about(answer) : json(RENTER);
});
beforeEach(async () => {
  asked = [];
  log = [];
  folder = new TemporaryDirectory();
  await new Promise<void>((resolve) => server.listen(join(folder.path, "engine.sock"), resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  folder[Symbol.dispose]();
});

function claims(clock = new ManualClock()) {
  const timeouts = { read: millis(300), change: millis(300), start: millis(300) };
  const engine = new Engine(() => ({ socketPath: join(folder.path, "engine.sock") }), systemClock, timeouts);
  return new GpuClaims({ engine, rig: "attic", clock, logger: createLogger("warn", (line) => log.push(line)) });
}
const renter = { container: ID.good, name: "renter", gpus: "all", startedAt: Date.parse(RENTER.State.StartedAt) };

test.each([
  ["refused", (answer: ServerResponse) => void answer.writeHead(500).end("{}")],
  ["nonsense", (answer: ServerResponse) => void answer.end("[]")],
  ["not answered", () => {}],
])("a container about which a question is %s is left out alone, and named once", async (_title, answer) => {
  about = answer;
  const clock = new ManualClock();
  const seen = claims(clock);
  expect(await seen.read(signal)).toEqual([renter]);
  expect(await seen.read(signal)).toEqual([renter]);
  expect(log.filter((line) => line.includes("stuck"))).toHaveLength(1);
  expect(asked.sort(), "asked once each; one known to watch only is not asked at all").toEqual([ID.good, ID.bad]);
  about = (later) => void later.setHeader("content-type", "application/json").end(JSON.stringify(RENTER));
  await clock.advance(30_000);
  expect(await seen.read(signal)).toEqual([renter, { ...renter, container: ID.bad, name: "stuck" }]);
});
