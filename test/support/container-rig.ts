import { parseConfig, type RigConfig } from "../../src/config/load.ts";
import { openNvml } from "../../src/gpu/nvml/source.ts";
import type { Grant } from "../../src/inference/gpu-port.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openLedger } from "../../src/ledger/open.ts";
import type { GpuUuid, Mode } from "../../src/ledger/rows.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createLogger, silentLogger } from "../../src/lib/logger.ts";
import { readMarketFile } from "../../src/market/file.ts";
import { RigController } from "../../src/rig/controller.ts";
import type { GpuSnapshot } from "../../src/rig/snapshot.ts";
import { milliJoules } from "../../src/units/energy.ts";
import { toUsdNano } from "../../src/units/money.ts";
import { unixMs } from "../../src/units/time.ts";
import { createDockerDriver, type DockerDriverParts } from "../../src/workloads/docker.ts";
import type { ContainerDriver } from "../../src/workloads/driver.ts";
import { eventually } from "./agent-process.ts";
import type { PrivateEngine } from "./engine.ts";
import { flightSheet, PLAIN_LINK } from "./flight-sheet.ts";
import { shareRow } from "./ledger-rows.ts";
import { type Card, cardUuid, OccupiedCards } from "./nvml/occupied-cards.ts";
import { grantOf } from "./queued-request.ts";
import { ShareSink } from "./share-sink.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

export interface ContainerRigOptions {
  readonly engine: PrivateEngine;
  readonly cards: readonly Card[];
  readonly images: { readonly miner: string; readonly engine: string };
  /** Sections of rig.yaml, over those of a rig that lends every gap and counts no switch. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly driver?: Partial<DockerDriverParts>;
}

const NEVER = new AbortController().signal;
/** Of every share that a stand-in miner finds, four times a second. */
const HASHES = 1_250_000;
const REMEMBERED_LINES = 400;
export const MEASURED_BEFORE = "measured before";

function configOf({ images, engine, config = {} }: ContainerRigOptions): RigConfig {
  const minerAddress = `${engine.slot.minerHost}:3434`;
  const docker = { host: engine.host, images: [images.miner, images.engine], minerAddress };
  const engineOf = { kind: "builtin", image: images.engine, modelFile: "/model", name: "tiny", memoryMiB: 256 };
  const parsed = parseConfig(
    {
      version: 1,
      mode: "auto",
      mining: { coin: "devcoin", threads: 1, image: images.miner, pools: [{ url: "devpool" }] },
      inference: { engine: { ...engineOf, threads: 1 }, wakeValueUsd: 1, maxWaitS: 60 },
      policy: { minDwellS: 0, wearUsdPerSwitch: 0.000_001, lending: "on" },
      workloads: { docker },
      ...config,
    },
    "test",
    "/",
  );
  return { ...parsed, policy: { ...parsed.policy, maxSwitchesPerDay: 1e9, maxGapSwitchesPerHour: 1e9 } };
}

type Parts = Pick<ContainerRig, "controller" | "cards" | "driver" | "ledger" | "log" | "faults"> & {
  readonly stack: AsyncDisposableStack;
};

/** A rig in this process: everything real but its cards, and what runs inside its containers. */
export class ContainerRig implements AsyncDisposable {
  readonly controller: RigController;
  readonly ledger: Ledger;
  readonly cards: OccupiedCards;
  readonly driver: ContainerDriver;
  readonly faults: unknown[];
  /** The newest lines. */
  readonly log: string[];
  readonly #stack: AsyncDisposableStack;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #jobs = 0;

  private constructor(parts: Parts) {
    this.controller = parts.controller;
    this.ledger = parts.ledger;
    this.cards = parts.cards;
    this.driver = parts.driver;
    this.faults = parts.faults;
    this.log = parts.log;
    this.#stack = parts.stack;
  }

  /** A rig that runs. */
  static async start(options: ContainerRigOptions): Promise<ContainerRig> {
    const stack = new AsyncDisposableStack();
    try {
      const rig = new ContainerRig(await open(options, stack));
      rig.#running = rig.controller.run(rig.#stop.signal);
      return rig;
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  gpu(index: number): GpuSnapshot {
    const found = this.controller.snapshots().find(({ info }) => info.uuid === cardUuid(index));
    if (found === undefined) throw new Error(`there is no GPU ${index}`);
    return found;
  }

  mode(mode: Mode, index?: number): void {
    this.controller.setMode({ mode, by: "test", ...(index === undefined ? {} : { gpu: cardUuid(index) }) });
  }

  /** Waits until the GPU has been handed to `workload` and is open. */
  reach(index: number, workload: string, limit = 90_000): Promise<unknown> {
    const isThere = () => {
      const { workload: now, state } = this.gpu(index);
      return now === workload && (state === "open" || state === "idle" || state === "rented");
    };
    return this.until(isThere, limit);
  }

  async until(isTrue: () => boolean | Promise<boolean>, limit = 90_000): Promise<void> {
    try {
      await eventually(isTrue, limit);
    } catch {
      const where = this.controller.snapshots().map(({ workload, state, why }) => `${workload} ${state}: ${why}`);
      throw new Error(`not true in ${limit} ms: ${isTrue}\n${where.join("\n")}\n${this.log.slice(-40).join("")}`);
    }
  }

  /** A request whose row is in the ledger, as the gateway sends it. */
  ask(worth = 0.000_001): { readonly gpu: GpuUuid; readonly granted: Promise<Grant>; readonly jobId: string } {
    const jobId = `request-${++this.#jobs}`;
    const { gpu, admitted } = this.controller.enqueue({ jobId, worth: toUsdNano(worth) }, NEVER);
    this.ledger.jobs.startJob({ id: jobId, kind: "completion", gpu, workload: "tiny", started: systemClock.now() });
    return { gpu, granted: grantOf(admitted), jobId };
  }

  async release(grant: Grant, jobId: string): Promise<void> {
    await grant.release(1);
    this.ledger.jobs.endJob(jobId, { ended: systemClock.now(), outcome: "completed", tokensIn: 1, tokensOut: 1 });
  }

  /** `from → to rung outcome` of every handover of the GPU, oldest first. */
  routes(index: number): readonly string[] {
    return this.ledger.transitions
      .list(100_000)
      .filter(({ gpu, reason }) => gpu === cardUuid(index) && reason !== MEASURED_BEFORE)
      .map(({ from, to, rung, outcome }) => `${from} → ${to} ${rung} ${outcome}`)
      .toReversed();
  }

  /** Ends the rig as the agent does; the ledger and the cards stay. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#stack.disposeAsync();
  }
}

async function open(options: ContainerRigOptions, stack: AsyncDisposableStack): Promise<Parts> {
  const { engine } = options;
  const config = configOf(options);
  const { minerAddress, images } = config.workloads.docker;
  const clock = systemClock;
  const log: string[] = [];
  const faults: unknown[] = [];
  const logger = createLogger("debug", (line) => {
    log.push(line);
    if (log.length > REMEMBERED_LINES) log.splice(0, REMEMBERED_LINES / 2);
  });
  const directory = stack.use(new TemporaryDirectory("rigshift-rig"));
  const cards = stack.use(await OccupiedCards.start(engine, options.cards));
  const ledger = stack.adopt(openLedger(directory.path, { clock, logger: silentLogger }), (one) => one.close());
  const source = stack.adopt(await openNvml({ clock, logger, library: cards.standIn.library }), (one) => one.close());
  const workers = new Map<string, GpuUuid>();
  const sink = stack.use(
    await ShareSink.start((worker) => {
      const gpu = workers.get(worker);
      if (gpu !== undefined)
        controller.recordShare(shareRow({ gpu, worker, at: clock.now(), expectedHashes: HASHES }), "devcoin");
    }),
  );
  const driver = stack.adopt(
    createDockerDriver({
      clock,
      logger,
      rig: config.rig.name,
      env: {},
      host: engine.host,
      images: { allowed: images, pull: false },
      miners: { gateway: minerAddress, proxies: () => [sink] },
      ...options.driver,
    }),
    (one) => one.close(),
  );
  measureBefore(ledger, options.cards.length);
  const controller = new RigController({
    config,
    gpus: await source.list(NEVER),
    source,
    driver,
    ledger,
    clock,
    logger,
    mining: [
      {
        sheet: config.mining?.sheets[0] ?? flightSheet(),
        ...minerAddress,
        quote: readMarketFile("sample").coin("devcoin", "sha256d"),
        ...PLAIN_LINK,
        register: (worker, gpu) => void workers.set(worker, gpu),
        poolAway: () => undefined,
      },
    ],
    model: "tiny",
    onChange: () => {},
    onFault: (error) => faults.push(error),
  });
  return { controller, cards, driver, ledger, log, faults, stack };
}

/** As if every handover had been done before, in half a second: until one is measured, gaps are lent only after a minute. */
function measureBefore(ledger: Ledger, cards: number): void {
  const ended = systemClock.now();
  const started = unixMs(ended - 500);
  for (let index = 0; index < cards; index++)
    for (const rung of ["freeze", "sleep", "warm", "cold"] as const)
      for (const [from, to] of [["hashing", "inference"] as const, ["inference", "hashing"] as const]) {
        const row = { gpu: cardUuid(index), from, to, rung, reason: MEASURED_BEFORE, started };
        const end = { ended, outcome: "completed", energy: milliJoules(75_000) } as const;
        ledger.transitions.end(ledger.transitions.start(row), end);
      }
}
