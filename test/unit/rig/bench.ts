import type { GpuControl, GpuInfo } from "../../../src/gpu/source.ts";
import type { Admittance, Grant } from "../../../src/inference/gpu-port.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { Mode, ShareVerdict, Workload } from "../../../src/ledger/rows.ts";
import { type Clock, steadyClock } from "../../../src/lib/clock.ts";
import { createLogger, type Logger } from "../../../src/lib/logger.ts";
import type { CoinQuote } from "../../../src/market/file.ts";
import type { SwitchRules } from "../../../src/policy/types.ts";
import { Cooldown } from "../../../src/rig/cooldown.ts";
import { Custody } from "../../../src/rig/custody.ts";
import { ObservedDemand } from "../../../src/rig/demand.ts";
import { EngineControl } from "../../../src/rig/engine-control.ts";
import { ExternalPower } from "../../../src/rig/external-power.ts";
import { FlightSheets, type PoolAway } from "../../../src/rig/flight-sheets.ts";
import { GpuLoop } from "../../../src/rig/gpu-loop.ts";
import { HashingWatch } from "../../../src/rig/hashing-watch.ts";
import { MeterBook } from "../../../src/rig/meter-book.ts";
import { MinerControl, ownMiner } from "../../../src/rig/miner-control.ts";
import { OwnClaim } from "../../../src/rig/own-claim.ts";
import { PowerBudget, type PowerGroup } from "../../../src/rig/power-budget.ts";
import { RateBook } from "../../../src/rig/rates.ts";
import { RequestQueue } from "../../../src/rig/request-queue.ts";
import { Roster } from "../../../src/rig/roster.ts";
import { ServedRates } from "../../../src/rig/served-rates.ts";
import { StartGap } from "../../../src/rig/start-gap.ts";
import { Surroundings } from "../../../src/rig/surroundings.ts";
import { SwitchBook } from "../../../src/rig/switch-book.ts";
import { GpuTenancies } from "../../../src/rig/tenancies.ts";
import type { Tenancy } from "../../../src/rig/tenancy.ts";
import { Trial } from "../../../src/rig/trial.ts";
import { type Profile, Tuner } from "../../../src/rig/tuner.ts";
import { Wake } from "../../../src/rig/wake.ts";
import { watts } from "../../../src/units/energy.ts";
import { toUsdNano, type UsdNano, usdPerKwh } from "../../../src/units/money.ts";
import { type Millis, millis, minutes, seconds } from "../../../src/units/time.ts";
import type { WorkRole, WorkSpec } from "../../../src/workloads/driver.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { FakeProcesses, occupancy, type Vram } from "../../support/fake-processes.ts";
import { FakeWorkDriver } from "../../support/fake-work-driver.ts";
import { GPU_A, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";
import { COIN, MEASURED, rulesOf, workOf } from "./bench-facts.ts";
import { PendingRequest } from "./pending-request.ts";

export const NEVER = new AbortController().signal;
const ELECTRICITY = usdPerKwh(0.15);

export const workSpec = (role: WorkRole): WorkSpec => ({
  name: `${role}-${GPU_A}`,
  role,
  gpu: GPU_A,
  command: "none",
  args: [],
  startTimeout: seconds(10),
  stopTimeout: seconds(5),
});

export interface BenchOptions {
  readonly mines?: boolean;
  readonly serves?: boolean;
  readonly coin?: Partial<CoinQuote>;
  readonly rules?: Partial<SwitchRules>;
  readonly drainTimeoutMs?: number;
  /** From the end of one program to the start of the next. */
  readonly pauseBetweenMs?: number;
  readonly queueLimit?: number;
  /** Whether this GPU was measured before. */
  readonly isMeasured?: boolean;
  /** MiB of VRAM: of the card, and what each side takes of it while it runs. */
  readonly vram?: Vram;
  /** What can be set on the GPU, and what is to be set. */
  readonly control?: GpuControl;
  readonly profiles?: readonly Profile[];
  /** What sets back where nothing may be set any more. */
  readonly undo?: GpuControl;
  /** Power limits; none when absent. */
  readonly groups?: readonly PowerGroup[];
  /** What the GPU says of itself once. */
  readonly identity?: Partial<GpuInfo>;
  /** External workloads that the GPU may have. */
  readonly tenancies?: (clock: ManualClock, ledger: Ledger) => readonly Tenancy[];
  /** The rig as an earlier agent left it: this one is started on the same ledger, at the same time. */
  readonly before?: RigBench;
}

/** Its timers last whole milliseconds, as those of a computer do. */
class TimerClock extends ManualClock {
  override wait(length: Millis, signal: AbortSignal): Promise<void> {
    return super.wait(millis(Math.ceil(length)), signal);
  }
}

/** One GPU of a rig with everything real but the hardware, the miner's and the engine's insides, and time. */
export class RigBench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly driver: FakeWorkDriver;
  readonly source: FakeGpuSource;
  readonly ledger: Ledger;
  /** The clock, deaf to being set. */
  readonly steady: Clock;
  readonly queue: RequestQueue;
  readonly meter: MeterBook;
  readonly rates: RateBook;
  readonly power: PowerBudget;
  readonly tuner: Tuner;
  readonly trial: Trial;
  readonly servedRates: ServedRates;
  readonly cooldown = new Cooldown();
  readonly switches: SwitchBook;
  readonly watch: HashingWatch;
  readonly miner: MinerControl;
  readonly engine: EngineControl;
  readonly custody: Custody;
  readonly ground: Surroundings;
  /** The processes of the machine that the rig stands in. */
  readonly processes = new FakeProcesses();
  hostFreeMiB = 64_000;
  /** While true, a stopped miner keeps its VRAM. */
  lingers = false;
  readonly wake = new Wake();
  readonly demand: ObservedDemand;
  readonly loop: GpuLoop;
  readonly faults: unknown[] = [];
  readonly log: string[] = [];
  mode: Mode = "auto";
  /** Why the GPU has to rest for want of power. */
  shed: string | undefined;
  poolAway: PoolAway | undefined;
  /** While true, a share is accepted with every step of time in which the miner hashes. */
  findsShares = true;
  changes = 0;
  /** The machine's boot and the driver's load. */
  driverLoad = "boot-1/7";
  readonly #logger: Logger;
  #running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  private constructor(clock: ManualClock, driver: FakeWorkDriver, options: BenchOptions) {
    const { mines = true, serves = true, drainTimeoutMs = 10_000, queueLimit = 64 } = options;
    const gpu = GPU_A;
    this.clock = clock;
    this.driver = driver;
    this.source = new FakeGpuSource(clock, gpu);
    this.ledger = options.before?.ledger ?? openMemoryLedger(clock);
    const { vram } = options;
    this.source.identity = { ...(vram === undefined ? {} : { vramTotalMiB: vram.total }), ...options.identity };
    if (vram !== undefined) this.source.live = () => occupancy(vram, driver, this.lingers);
    this.steady = { ...steadyClock(clock), wait: (length, signal) => clock.aside().wait(length, signal) };
    const { steady } = this;
    if (options.isMeasured) for (const row of MEASURED) this.ledger.benchmarks.upsert({ ...row, gpu, at: clock.now() });
    this.#logger = createLogger("debug", (line) => this.log.push(line));
    const parts = { clock, ledger: this.ledger, logger: this.#logger };
    const coin = { ...COIN, ...options.coin };
    const maxWait = options.rules?.maxWait ?? seconds(60);
    this.queue = new RequestQueue({ gpu, clock: steady, maxWait, limit: queueLimit, onChange: () => this.wake.call() });
    const wall = { hostPower: watts(0), factor: 1 };
    const roster = new Roster(this.processes);
    roster.awaitSurvey(driver);
    const metered = { roster, source: this.source, wall, hostShare: 1, electricity: ELECTRICITY };
    this.meter = new MeterBook({ ...parts, ...metered, gpu, clock: clock.aside() });
    this.rates = new RateBook(gpu, { hashing: [coin.coin], serving: "tiny", resting: "rest" }, parts);
    const all = options.tenancies?.(clock, this.ledger) ?? [];
    const tenancies = new GpuTenancies(gpu, all, new ExternalPower(gpu, parts));
    const priced = { electricity: ELECTRICITY, wear: toUsdNano(0.000_01) };
    this.switches = new SwitchBook({ ...parts, ...priced, gpu, clock: steady, externals: tenancies.startable });
    this.watch = new HashingWatch({ gpu, ledger: this.ledger, clock, coin });
    const { info } = this.source;
    this.ground = new Surroundings({
      ...parts,
      info,
      steady,
      meter: this.meter,
      guestRules: { ignore: ["netdata"], coolDown: minutes(1), promise: minutes(15) },
      roster,
      hostFree: () => this.hostFreeMiB,
      onTrouble: () => this.wake.call(),
      isReleased: () => this.mode === "release",
      driverLoad: () => this.driverLoad,
    });
    const planned = ownMiner(workSpec("miner"));
    this.miner = new MinerControl(driver, planned, { clock, onWork: (work) => roster.note("miner", work) });
    this.engine = new EngineControl(driver, workSpec("engine"), {
      onWork: (work) => roster.note("engine", work),
      mayHoldVram: info.vramTotalMiB !== undefined,
    });
    this.ground.useEngine(this.engine);
    this.power = new PowerBudget({ clock, groups: options.groups ?? [], startEvery: seconds(0) });
    const claim = new OwnClaim(gpu, this.power);
    this.tuner = new Tuner({ ...parts, control: undefined, profiles: [], ...options, gpu, claim });
    this.trial = new Trial(this.tuner);
    this.servedRates = new ServedRates({ gpu, model: "tiny", ledger: this.ledger, clock });
    this.demand = new ObservedDemand(clock.now());
    const sheet = { name: coin.coin, coin, planned, watch: this.watch, poolAway: () => this.poolAway };
    const mining = new FlightSheets(this.miner, [sheet]);
    const shared = {
      ...parts,
      steady,
      meter: this.meter,
      queue: this.queue,
      rates: this.rates,
      cooldown: this.cooldown,
      switches: this.switches,
      ground: this.ground,
      power: this.power,
      claim,
      tuner: this.tuner,
      tenancies,
      onChange: () => void this.changes++,
      ...(mines ? { mining } : {}),
      ...(serves ? { served: this.servedRates } : {}),
    };
    const serving = serves ? { serving: { engine: this.engine, model: "tiny" } } : {};
    const gap = new StartGap(clock, millis(options.pauseBetweenMs ?? 0));
    this.custody = new Custody({ ...shared, gpu, drainTimeout: seconds(drainTimeoutMs / 1000), gap, ...serving });
    this.loop = new GpuLoop({
      ...shared,
      ...serving,
      info,
      wake: this.wake,
      demand: this.demand,
      custody: this.custody,
      prices: { electricity: ELECTRICITY, atWall: (power) => power },
      rules: () => rulesOf(options.rules, maxWait),
      mode: () => (this.shed === undefined ? (this.trial.mode ?? this.mode) : "pause"),
      ordered: () => this.mode,
      shed: () => this.shed,
      trial: this.trial,
      onFault: (error) => this.faults.push(error),
    });
    this.source.onEvent((event) => this.loop.told(event));
    driver.onAdopted((work) => this.loop.adopted(work));
    driver.onBegun((work) => roster.begun(work));
    driver.onExit((exit) => this.loop.workExited(exit));
    driver.onTrouble((trouble) => this.loop.workTroubled(trouble));
  }

  static async start(options: BenchOptions = {}): Promise<RigBench> {
    const clock = options.before?.clock ?? new TimerClock(T0);
    return new RigBench(clock, await FakeWorkDriver.start(clock), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.driver[Symbol.asyncDispose]();
    this.ledger.close();
  }

  /** A rig whose loop runs. */
  static async running(options: BenchOptions = {}): Promise<RigBench> {
    const rig = await RigBench.start(options);
    rig.run();
    return rig;
  }

  /** A rig that hashes, its engine resident beside the miner. */
  static async working(options: BenchOptions = {}): Promise<RigBench> {
    const rig = await RigBench.running(options);
    await rig.hashing();
    await rig.engineUp();
    return rig;
  }

  /** Lets the GPU's loop run in the background. */
  run(): void {
    const stop = new AbortController();
    this.#running = { stop, done: this.loop.run(stop.signal) };
  }

  /** Ends the loop as the agent does, and waits until it has let go. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    let isDone = running === undefined;
    const settle = () => {
      isDone = true;
    };
    running?.done.then(settle, settle);
    await this.until(() => isDone);
    await running?.done;
  }

  /** Moves time on in small steps until `isTrue`; a step is taken only once everybody waits for time. */
  async until(isTrue: () => boolean, withinMs = 900_000): Promise<void> {
    const end = this.clock.monotonic() + withinMs;
    while (!isTrue()) {
      if (this.clock.monotonic() > end)
        throw new Error(`not true within ${withinMs} ms: ${isTrue}\n${this.log.join("")}`);
      await this.step(50, isTrue);
    }
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    const isOver = () => this.clock.monotonic() >= end;
    if (this.#running !== undefined) return await this.until(isOver);
    while (!isOver()) await this.#advance(Math.min(50, end - this.clock.monotonic()));
  }

  /** Waits until somebody waits for time, and moves it on once. */
  async step(ms: number, isEnough: () => boolean = () => false): Promise<void> {
    const patience = performance.now() + 30_000;
    while (this.clock.waiting === 0 && !isEnough()) {
      if (performance.now() > patience) throw new Error(`nobody waits for time\n${this.log.join("")}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!isEnough()) await this.#advance(ms);
  }

  async #advance(ms: number): Promise<void> {
    if (this.findsShares && this.driver.isRunning("miner") && !this.driver.miner.paused) this.share();
    await this.clock.advance(ms);
  }

  share(verdict: ShareVerdict = "accepted"): void {
    this.watch.record(shareRow({ at: this.clock.now(), verdict, expectedHashes: 1_200_000, difficulty: 0.000_28 }));
  }

  /** Runs one handover to its end. */
  async handOver(to: Workload, signal = NEVER) {
    let outcome: Awaited<ReturnType<Custody["handOver"]>> | undefined;
    let fault: unknown;
    this.custody.handOver(workOf(to), "because the test says so", signal).then(
      (value) => {
        outcome = value;
      },
      (error: unknown) => {
        fault = error;
      },
    );
    await this.until(() => outcome !== undefined || fault !== undefined);
    if (outcome === undefined) throw fault;
    return outcome;
  }

  /** A request with its row in the ledger, as the gateway sends it. */
  ask(jobId: string, worth: UsdNano = toUsdNano(1), signal = NEVER): PendingRequest {
    this.ledger.jobs.startJob({
      id: jobId,
      kind: "completion",
      gpu: GPU_A,
      workload: "tiny",
      started: this.clock.now(),
    });
    const admitted = this.queue.enqueue({ jobId, worth }, signal);
    void admitted.then(() => this.demand.add(worth, this.clock.now()));
    return new PendingRequest(admitted);
  }

  hashing(): Promise<void> {
    return this.until(() => this.workload === "hashing");
  }

  engineUp(): Promise<void> {
    return this.until(() => this.engine.state.kind === "ready");
  }

  async answered(request: PendingRequest): Promise<Admittance> {
    await this.until(() => request.settled !== undefined);
    return request.settled ?? { kind: "aborted" };
  }

  async served(request: PendingRequest): Promise<Grant> {
    await this.answered(request);
    return request.grant;
  }

  /** Ends the request and its row. */
  async release(grant: Grant, jobId: string, tokensOut = 10): Promise<void> {
    await grant.release(tokensOut);
    this.ledger.jobs.endJob(jobId, { ended: this.clock.now(), outcome: "completed", tokensIn: 1, tokensOut });
  }

  get transitions() {
    return this.ledger.transitions.list(1000).toReversed();
  }

  get hashingJobs() {
    return this.ledger.jobs
      .listJobs({ limit: 1000 })
      .filter(({ kind }) => kind === "hashing")
      .toReversed();
  }

  /** `from → to outcome` of every handover. */
  get routes(): readonly string[] {
    return this.transitions.map(({ from, to, outcome }) => `${from} → ${to} ${outcome}`);
  }

  get decisions() {
    return this.ledger.decisions.list(1000).toReversed();
  }

  get workload(): string {
    return this.custody.assignment.workload;
  }
}
