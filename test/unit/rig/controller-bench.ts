import { parseConfig } from "../../../src/config/load.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { readMarketFile } from "../../../src/market/file.ts";
import { RigController } from "../../../src/rig/controller.ts";
import type { GpuSnapshot } from "../../../src/rig/snapshot.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { FakeProcesses } from "../../support/fake-processes.ts";
import { FakeWorkDriver } from "../../support/fake-work-driver.ts";
import { flightSheet, PLAIN_LINK } from "../../support/flight-sheet.ts";
import { GPU_A, GPU_B, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";
import { MEASURED } from "./bench-facts.ts";

const GPUS = [GPU_A, GPU_B] as const;

/** Two GPUs that read differently. */
class TwoGpus extends FakeGpuSource {
  readonly own = new Map<GpuUuid, Partial<GpuReading>>();

  override async read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading> {
    return { ...(await super.read(uuid, signal)), ...this.own.get(uuid) };
  }
}

/** A rig of two GPUs that were measured, by a configuration of the test's; time moves only when the test says so. */
export class ControllerBench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly source: TwoGpus;
  readonly processes = new FakeProcesses();
  readonly log: string[] = [];
  readonly faults: unknown[] = [];
  readonly driver: FakeWorkDriver;
  #rig: RigController | undefined;
  #running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  private constructor(clock: ManualClock, driver: FakeWorkDriver) {
    this.clock = clock;
    this.driver = driver;
    this.ledger = openMemoryLedger(clock);
    this.source = new TwoGpus(clock, GPU_A);
    for (const gpu of GPUS) for (const row of MEASURED) this.ledger.benchmarks.upsert({ ...row, gpu, at: clock.now() });
  }

  static async open(): Promise<ControllerBench> {
    const clock = new ManualClock(T0);
    return new ControllerBench(clock, await FakeWorkDriver.start(clock));
  }

  /** Starts the agent's rig on what the ledger holds. */
  run(file: Record<string, unknown> = {}): RigController {
    const { clock, ledger, source, driver, processes } = this;
    const config = parseConfig(
      { version: 1, rig: { name: "attic" }, mode: "auto", mining: { pools: [{ url: "devpool" }] }, ...file },
      "test",
      "/",
    );
    const rig = new RigController({
      config,
      gpus: [source.info, { ...source.info, uuid: GPU_B, index: 1 }],
      source,
      driver,
      processes,
      ledger,
      clock,
      logger: createLogger("debug", (line) => this.log.push(line)),
      mining: [
        {
          sheet: flightSheet(),
          host: "127.0.0.1",
          port: 3333,
          quote: readMarketFile("sample").coin("devcoin", "sha256d"),
          ...PLAIN_LINK,
          register: () => {},
          poolAway: () => undefined,
        },
      ],
      onChange: () => {},
      onFault: (error) => this.faults.push(error),
    });
    const stop = new AbortController();
    this.#rig = rig;
    this.#running = { stop, done: rig.run(stop.signal) };
    return rig;
  }

  gpu(uuid: GpuUuid): GpuSnapshot {
    const found = this.#rig?.snapshots().find(({ info }) => info.uuid === uuid);
    if (found === undefined) throw new Error("no such GPU runs");
    return found;
  }

  /** Moves time on in small steps, in each of which both GPUs find a share, until `isTrue`. */
  async until(isTrue: () => boolean): Promise<void> {
    for (let steps = 0; !isTrue(); steps++) {
      if (steps > 20_000) throw new Error(`not true in time: ${isTrue}\n${this.log.join("")}`);
      for (const gpu of GPUS) this.#rig?.recordShare(shareRow({ gpu, at: this.clock.now() }), "devcoin");
      if (this.clock.waiting >= 2) await this.clock.advance(50);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    await this.until(() => this.clock.monotonic() >= end);
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    let isDone = running === undefined;
    const settle = () => {
      isDone = true;
    };
    running?.done.then(settle, settle);
    running?.stop.abort();
    await this.until(() => isDone);
    await running?.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.driver[Symbol.asyncDispose]();
    this.ledger.close();
  }
}
