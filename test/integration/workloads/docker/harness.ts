import { afterEach } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { silentLogger } from "../../../../src/lib/logger.ts";
import { seconds } from "../../../../src/units/time.ts";
import { createDockerDriver, type DockerDriverParts } from "../../../../src/workloads/docker.ts";
import type {
  ContainerDriver,
  ContainerPart,
  RunningWork,
  WorkExit,
  WorkSpec,
} from "../../../../src/workloads/driver.ts";
import { DOCKER, type PrivateEngine } from "../../../support/engine.ts";

export const { signal } = new AbortController();

/** Listens on a socket, answers with what it knows of itself, and does what a request's path says. */
const PROGRAM = `
const http = require("node:http"), fs = require("node:fs"), { fork } = require("node:child_process");
const [mode = ""] = process.argv.slice(1);
if (mode === "eat") { const eaten = []; setInterval(() => eaten.push(Buffer.alloc(16 << 20, 1)), 5); }
if (mode === "fail") { console.error("the model is broken"); process.exit(3); }
process.on("SIGTERM", () => { if (mode !== "deaf") process.exit(0); });
const act = {
  "/eat": () => { const eaten = []; setInterval(() => eaten.push(Buffer.alloc(16 << 20, 1)), 5); },
  "/end": () => { console.error("told to end"); process.exit(7); },
  "/say": () => console.log("a line of mine"),
};
const server = http.createServer((request, reply) => {
  const run = act[request.url];
  reply.end(JSON.stringify({ pid: process.pid, started: performance.timeOrigin, env: process.env }));
  if (run) setTimeout(run, 20);
});
const say = () => {
  if (mode === "garbage") console.log("hello, I am no JSON");
  else if (mode !== "silent") console.log(JSON.stringify({ event: "listening", backend: "cpu" }));
};
server.listen("/run/rigshift/work.sock", () => setTimeout(say, mode === "slow" ? 3000 : 0));
`;

/** Work for strangers in a container of the base image. */
export function contained(
  image: string,
  mode = "",
  changes: Partial<Omit<WorkSpec, "container">> & { readonly container?: Partial<ContainerPart> } = {},
): WorkSpec {
  const { container, ...rest } = changes;
  return {
    name: "engine",
    role: "engine",
    gpu: "CPU-test",
    command: "node",
    args: ["-e", PROGRAM, ...(mode === "" ? [] : [mode])],
    startTimeout: seconds(20),
    stopTimeout: seconds(5),
    ...rest,
    container: {
      image,
      profile: "strangers",
      gpus: [],
      limits: { memoryMiB: 128, cpus: 1, pids: 64 },
      ready: { kind: "announced", file: "work.sock" },
      ...container,
    },
  };
}

/** Work that runs `script` in the base image and is ready as soon as it runs. */
export const script = (image: string, code: string, changes: Parameters<typeof contained>[2] = {}): WorkSpec => ({
  ...contained(image, "", { ...changes, container: { ready: { kind: "running" }, ...changes.container } }),
  args: ["-e", code],
});

export interface Rig {
  readonly driver: ContainerDriver;
  readonly exits: WorkExit[];
}

/** Drivers of one test file against its Engine; closed after each test, its containers removed. */
export class Drivers {
  readonly #engine: () => PrivateEngine;
  readonly #open: ContainerDriver[] = [];

  constructor(engine: () => PrivateEngine) {
    this.#engine = engine;
    afterEach(async () => {
      if (!DOCKER.present()) return;
      await Promise.all(this.#open.splice(0).map((driver) => driver.close()));
      await this.#engine().removeEverything();
    });
  }

  create(images: readonly string[], parts: Partial<DockerDriverParts> = {}): Rig {
    const driver = createDockerDriver({
      clock: systemClock,
      logger: silentLogger,
      rig: "test",
      env: {},
      host: this.#engine().host,
      images: { allowed: images, pull: false },
      ...parts,
    });
    this.#open.push(driver);
    const exits: WorkExit[] = [];
    driver.onExit((exit) => exits.push(exit));
    return { driver, exits };
  }
}

export async function ready(driver: ContainerDriver, spec: WorkSpec): Promise<RunningWork> {
  const readiness = await driver.ensureReady(spec, signal);
  if (readiness.kind !== "ready") throw new Error(`not ready: ${JSON.stringify(readiness)}`);
  return readiness.work;
}

export interface Answer {
  /** When the program inside started; a restart changes it. */
  readonly started: number;
  readonly env: Readonly<Record<string, string>>;
}

export async function ask({ host, port }: RunningWork, path = "/"): Promise<Answer> {
  const response = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(30_000) });
  return (await response.json()) as Answer;
}
