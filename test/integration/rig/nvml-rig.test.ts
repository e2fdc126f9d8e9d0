import { expect } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { openNvml } from "../../../src/gpu/nvml/source.ts";
import type { GpuSource } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { readMarketFile } from "../../../src/market/file.ts";
import { RigController } from "../../../src/rig/controller.ts";
import { FakeProcesses } from "../../support/fake-processes.ts";
import { FakeWorkDriver } from "../../support/fake-work-driver.ts";
import { flightSheet, PLAIN_LINK } from "../../support/flight-sheet.ts";
import { shareRow } from "../../support/ledger-rows.ts";
import { MachineTree } from "../../support/machine-tree.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";
import { compiler, NvmlStandIn } from "../../support/nvml/stand-in.ts";
import { testWith } from "../../support/requirement.ts";
import { until } from "../../support/until.ts";

const CONFIG = parseConfig(
  {
    version: 1,
    mode: "mine",
    mining: { pools: [{ url: "devpool" }] },
    power: { profiles: [{ role: "hashing", powerLimitW: 150, memoryMhz: 5001 }] },
  },
  "test",
  "/",
);
const TWO = ["gpu 0 power 100", "gpu 1 power 200"];

/** Two GPUs behind the real binding and our own library, hashing for a pool that accepts everything. */
class NvmlRig implements AsyncDisposable {
  readonly standIn = new NvmlStandIn(TWO, [], "real");
  readonly machine = new MachineTree();
  readonly ledger: Ledger = openMemoryLedger(systemClock);
  readonly stop = new AbortController();
  readonly log: string[] = [];
  source!: GpuSource;
  driver!: FakeWorkDriver;
  controller!: RigController;
  #running: Promise<void> = Promise.resolve();
  #shares: NodeJS.Timeout | undefined;

  static async start(): Promise<NvmlRig> {
    const rig = new NvmlRig();
    await rig.#open();
    return rig;
  }

  async #open(): Promise<void> {
    const logger = createLogger("info", (line) => this.log.push(line));
    this.machine.write("sys/module/nvidia/initstate", "live\n");
    this.source = await openNvml({ library: this.standIn.library, clock: systemClock, files: this.machine.files });
    this.driver = await FakeWorkDriver.start(systemClock);
    const gpus = await this.source.list(this.stop.signal);
    this.controller = new RigController({
      config: CONFIG,
      gpus,
      source: this.source,
      driver: this.driver,
      processes: new FakeProcesses(),
      ledger: this.ledger,
      clock: systemClock,
      logger,
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
      onFault: (error) => this.log.push(`fault ${String(error)}`),
    });
    this.#running = this.controller.run(this.stop.signal);
    this.#shares = setInterval(() => {
      for (const { uuid } of gpus)
        this.controller.recordShare(shareRow({ gpu: uuid, at: systemClock.now() }), "devcoin");
    }, 100);
    await until(() => this.states().join() === "open,open");
  }

  states(): readonly string[] {
    return this.controller.snapshots().map(({ state }) => state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.#running;
    clearInterval(this.#shares);
    await this.driver[Symbol.asyncDispose]();
    await this.source.close();
    expect(this.ledger.energy.verifyConservation()).toEqual([]);
    expect(this.log.filter((line) => line.startsWith("fault"))).toEqual([]);
    this.ledger.close();
    this.standIn[Symbol.dispose]();
    this.machine[Symbol.dispose]();
  }
}

testWith(compiler, "a stranger's process on one GPU has that GPU within ten seconds; the other goes on", async () => {
  await using rig = await NvmlRig.start();
  rig.standIn.adds("gpu 0 process 777 9000");
  const came = performance.now();
  await until(() => rig.states().join() === "rented,open", 10_000);
  expect(performance.now() - came).toBeLessThan(10_000);
  expect([...rig.driver.running.values()].map(({ gpu }) => gpu)).toEqual([rig.controller.snapshots()[1]?.info.uuid]);
  expect(rig.standIn.wasSet(0)).toMatchObject({ memory: [0, 0] });
  expect(rig.standIn.wasSet(1)).toMatchObject({ limitW: 150, memory: [5001, 5001] });
});

testWith(compiler, "a GPU that is lost is taken out of service alone", async () => {
  await using rig = await NvmlRig.start();
  rig.standIn.adds("gpu 0 state lost");
  await until(() => rig.states().join() === "faulted,open");
  const [lost, other] = rig.controller.snapshots();
  expect(lost).toMatchObject({ why: expect.stringContaining("the GPU is lost"), slotFaults: 1 });
  expect([...rig.driver.running.values()].map(({ gpu }) => gpu)).toEqual([other?.info.uuid]);
});

testWith(compiler, "an Xid that wants a reset takes its GPU out of service alone", async () => {
  await using rig = await NvmlRig.start();
  rig.standIn.adds("gpu 1 xid 79");
  await until(() => rig.states().join() === "open,faulted");
  const hurt = rig.controller.snapshots()[1];
  expect(hurt).toMatchObject({ why: expect.stringContaining("Xid 79"), lastXid: 79, slotFaults: 1 });
});

testWith(compiler, "release stops the work and lets go of the driver; another mode takes it up again", async () => {
  await using rig = await NvmlRig.start();
  rig.controller.setMode({ mode: "release", by: "test" });
  await until(() => rig.standIn.leftOpen().sessions === 0);
  expect(rig.driver.running.size).toBe(0);
  rig.controller.setMode({ mode: "mine", by: "test" });
  await until(() => rig.states().join() === "open,open");
  expect(rig.standIn.leftOpen().sessions).toBe(1);
});

testWith(compiler, "a rig kept under its watts rests at once, and says what it still draws", async () => {
  await using rig = await NvmlRig.start();
  rig.controller.curtail({ maxPower: 0 as never, until: (systemClock.now() + 60_000) as never, by: "test" });
  await until(() => rig.states().join() === "idle,idle");
  const says = /^everything rests and the rig still draws \d+ W; ordered were at most 0 W until /;
  await until(() => says.test(rig.controller.snapshots()[0]?.why ?? ""));
  rig.controller.curtail({ by: "test" });
  await until(() => rig.states().join() === "open,open");
});
