import type { RigConfig } from "../config/load.ts";
import type { RigPower } from "../energy/rig-power.ts";
import type { GpuControl, GpuInfo, GpuSource } from "../gpu/source.ts";
import type { Demand, GpuPort, Ticket } from "../inference/gpu-port.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, Mode, ShareRow } from "../ledger/rows.ts";
import { type Clock, steadyClock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { Market } from "../market/market.ts";
import { type Watts, watts } from "../units/energy.ts";
import { after, type Millis, seconds, type UnixMs } from "../units/time.ts";
import { runHook } from "../workloads/hook.ts";
import { warnOfAbsent } from "./absent-gpus.ts";
import type { BenchNews, BenchOrder } from "./bench-order.ts";
import { watchClaims } from "./claim-watch.ts";
import { Cooldown } from "./cooldown.ts";
import { Custody } from "./custody.ts";
import { ObservedDemand } from "./demand.ts";
import { DriverRelease } from "./driver-release.ts";
import { RigStateError } from "./errors.ts";
import { ExternalPower } from "./external-power.ts";
import { type FlightSheets, hashingBy } from "./flight-sheets.ts";
import { GpuLoop } from "./gpu-loop.ts";
import { groundOf, partAtWall, sensorFacts, servingOf, settingsOf } from "./gpu-parts.ts";
import type { Claim } from "./guest-watch.ts";
import { isRefused } from "./hashing-watch.ts";
import type { HealthWatch } from "./health-watch.ts";
import { MeterBook } from "./meter-book.ts";
import { type MiningLink, miningOf } from "./mining-link.ts";
import { type OpenTenancies, openTenancies } from "./open-tenancies.ts";
import { Overcommitment } from "./overcommitment.ts";
import type { PowerBudget } from "./power-budget.ts";
import { budgetOf, openWhenTold } from "./power-hold.ts";
import { bookedPower, createPriceLook } from "./price-look.ts";
import { labelsOf, RateBook } from "./rates.ts";
import { rebootWhenLost } from "./reboot-policy.ts";
import { RequestQueue } from "./request-queue.ts";
import type { RigDriver } from "./rig-driver.ts";
import { machineProcesses, type ProcessLookup, Roster } from "./roster.ts";
import { ServedRates } from "./served-rates.ts";
import { Shedding } from "./shedding.ts";
import type { GpuSnapshot } from "./snapshot.ts";
import { StartGap } from "./start-gap.ts";
import { SwitchBook } from "./switch-book.ts";
import { rulesOf } from "./switch-rules.ts";
import { Trial } from "./trial.ts";
import { Wake } from "./wake.ts";

export interface RigParts {
  readonly config: RigConfig;
  readonly gpus: readonly GpuInfo[];
  readonly source: GpuSource;
  /** How limits and clocks are set, if at all; the source's own way when absent. */
  readonly control?: GpuControl | "none";
  /** What sets back what an earlier agent set, where nothing may be set any more. */
  readonly undo?: GpuControl | undefined;
  readonly driver: RigDriver;
  /** Whose the processes on a GPU are; those of this machine when absent. */
  readonly processes?: ProcessLookup;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: prices are those of the configuration. */
  readonly market?: Pick<Market, "bookedPower" | "power" | "rental" | "tokens">;
  /** One per flight sheet, in order; none when nothing may be mined. */
  readonly mining?: readonly MiningLink[];
  /** The model's name; absent when nothing is served. */
  readonly model?: string;
  /** In place of what the operator ordered and configured. */
  readonly standing?: Mode;
  /** Absent where nothing is known of the rig beside its GPUs. */
  readonly rigPower?: RigPower;
  readonly onChange: () => void;
  /** Told of a fault after which the whole agent must stop, such as a ledger that cannot be written. */
  readonly onFault: (error: unknown) => void;
}

interface Rigged {
  readonly loop: GpuLoop;
  readonly queue: RequestQueue;
  readonly demand: ObservedDemand;
  readonly wake: Wake;
  readonly roster: Roster;
  readonly health: HealthWatch;
  readonly mining: FlightSheets | undefined;
}

/** All GPUs of a rig, each with its own loop; requests, shares and the operator's orders find their GPU here. */
export class RigController implements GpuPort {
  readonly #parts: RigParts;
  readonly #gpus: ReadonlyMap<GpuUuid, Rigged>;
  readonly #shedding: Shedding;
  readonly #overcommitment: Overcommitment;
  readonly #release: DriverRelease;
  readonly #power: PowerBudget;
  readonly #tenancies: OpenTenancies["tenancies"];

  readonly #stopping = new AbortController();
  /** No longer told once the rig has run. */
  readonly #unsubscribe: () => void;

  constructor(parts: RigParts) {
    this.#parts = parts;
    const power = budgetOf(parts);
    this.#power = power;
    warnOfAbsent(parts);
    const externals = openTenancies({ ...parts, power, wake: (gpu) => this.#gpus.get(gpu)?.wake.call() });
    this.#tenancies = externals.tenancies;
    this.#release = new DriverRelease({
      ...parts,
      isWanted: () => parts.gpus.every(({ uuid }) => modeOf(parts, uuid) === "release"),
      isQuiet: () => [...this.#gpus.values()].every(({ loop }) => loop.isQuiet),
    });
    const clock = steadyClock(parts.clock);
    const loads = () => [...this.#gpus.values()].map(({ loop }) => loop.load());
    this.#overcommitment = new Overcommitment({ clock, power, loads });
    this.#shedding = new Shedding({
      clock,
      loads,
      room: () => this.#room(),
    });
    this.#gpus = new Map(
      parts.gpus.map((info) => [
        info.uuid,
        rigUp(info, parts, { power, externals, shed: () => this.#shedFor(info.uuid) }),
      ]),
    );
    const unsubscribe = parts.source.onEvent?.((event) => this.#gpus.get(event.uuid)?.loop.told(event));
    this.#unsubscribe = unsubscribe ?? (() => {});
    parts.driver.onAdopted?.((work) => {
      for (const gpu of work.gpus) this.#gpus.get(gpu)?.loop.adopted(work);
    });
    parts.driver.onBegun?.((work) => {
      for (const gpu of work.gpus) this.#gpus.get(gpu)?.roster.begun(work);
    });
    parts.driver.onExit((exit) => this.#gpus.get(exit.gpu)?.loop.workExited(exit));
    parts.driver.onTrouble?.((trouble) => {
      for (const gpu of trouble.gpus) this.#gpus.get(gpu)?.loop.workTroubled(trouble);
    });
  }

  /** Runs every GPU until `signal` fires and each has let go. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#stopping.abort(), { once: true });
    const claims = watchClaims({ ...this.#parts, onClaims: (gpu, found) => this.#claimed(gpu, found) }, signal);
    const left = new Map([...this.#gpus].map(([gpu, { loop }]) => [gpu, loop.left]));
    const reboot = { ...this.#parts, rules: this.#parts.config.reboot, gpus: () => this.snapshots(), run: runHook };
    const all = [
      claims,
      openWhenTold({ ...this.#parts, power: this.#power, left }, signal),
      this.#tenancies.run(signal),
      rebootWhenLost(reboot, signal),
      this.#release.run(signal),
      ...[...this.#gpus.values()].map(({ loop }) => loop.run(signal)),
    ];
    // What fails stops the agent, which is no reason to leave the other GPUs as they are.
    for (const one of all) one.catch(this.#parts.onFault);
    const ended = await Promise.allSettled(all);
    this.#unsubscribe();
    for (const { mining } of this.#gpus.values()) mining?.bookKept(this.#parts.logger);
    const failure = ended.find(({ status }) => status === "rejected");
    if (failure?.status === "rejected") throw failure.reason;
  }

  #claimed({ uuid }: GpuInfo, claims: readonly Claim[]): void {
    this.#gpus.get(uuid)?.loop.claimed(claims);
  }

  /** Queues at the GPU with the fewest requests, one that serves already before all others. */
  enqueue(demand: Demand, signal: AbortSignal): Ticket {
    const [best] = [...this.#gpus].sort(([, a], [, b]) => burden(a) - burden(b));
    if (best === undefined) throw noGpu("any");
    const [gpu, { queue, demand: observed }] = best;
    const admitted = queue.enqueue(demand, signal);
    // While it waits it is backlog; it becomes observed demand, refused or not, when it leaves the queue.
    void admitted.then(() => observed.add(demand.worth, this.#parts.clock.now(), demand.tokensOut));
    return { gpu, admitted };
  }

  /** Measures one GPU until done, or until `signal` fires or the rig stops; throws `ERR_RIG_UNKNOWN_GPU`. */
  bench(uuid: string, order: BenchOrder, signal: AbortSignal): AsyncGenerator<BenchNews, void> {
    const rigged = [...this.#gpus].find(([gpu]) => gpu === uuid)?.[1];
    if (rigged === undefined) throw noGpu(uuid);
    return rigged.loop.bench(order, AbortSignal.any([signal, this.#stopping.signal]));
  }

  snapshots(): readonly GpuSnapshot[] {
    const { driver } = this.#parts;
    return [...this.#gpus].map(([gpu, { loop }]) => {
      const snapshot = loop.snapshot();
      return { ...snapshot, warnings: [...snapshot.warnings, ...(driver.blindSpots?.(gpu) ?? [])] };
    });
  }

  /** The containers of ours that have not ended, in words; none where the rig let go in good order. */
  containers(): readonly string[] {
    return [...this.#gpus].flatMap(([gpu, { roster }]) => roster.containers().map((words) => `${words} on ${gpu}`));
  }

  /** A share of the flight sheet of this name. */
  recordShare(share: ShareRow, sheet: string): void {
    const watch = this.#gpus.get(share.gpu)?.mining?.of(hashingBy({ name: sheet }))?.watch;
    try {
      watch?.record(share);
    } catch (error) {
      // One that is refused is tried again; where too many are, paid work goes unrecorded and must stop.
      if (isRefused(error) && watch?.canKeep === true)
        this.#parts.logger.error("a share cannot be recorded yet", { reason: messageOf(error), pool: share.pool });
      else this.#parts.onFault(error);
    }
    this.#parts.onChange();
  }

  /** Records the order to keep the whole rig under `maxPower` at the wall, or to lift the one before. */
  curtail(order: { readonly maxPower?: Watts; readonly until?: UnixMs; readonly by: string }): void {
    const { clock, ledger, onChange } = this.#parts;
    const { maxPower, until, by } = order;
    ledger.curtailments.append({ maxPower, until, by, at: clock.now() });
    this.#shedding.reconsider();
    for (const { wake } of this.#gpus.values()) wake.call();
    onChange();
  }

  /** What the GPUs may draw together under the order in force. */
  #room(): Watts | undefined {
    const { clock, ledger } = this.#parts;
    const order = ledger.curtailments.current(clock.now());
    if (order === undefined) return undefined;
    const { hostPower, factor } = this.#wall;
    return watts(Math.max(0, (order.maxPower - hostPower) / factor));
  }

  get #wall(): { readonly hostPower: Watts; readonly factor: number } {
    const { config, rigPower } = this.#parts;
    const { base, efficiency } = config.power.wall;
    return rigPower?.wall() ?? { hostPower: base, factor: 1 / efficiency };
  }

  #atWall(drawn: Watts): Watts {
    const { hostPower, factor } = this.#wall;
    return watts(drawn * factor + hostPower);
  }

  /** What the rig draws at the wall when all of it rests, as far as that was measured. */
  get restPower(): Watts {
    return this.#atWall(this.#shedding.restPower);
  }

  #shedFor(gpu: GpuUuid): string | undefined {
    const mode = modeOf(this.#parts, gpu);
    const { words } = this.#release;
    // No work starts on a driver that is not held yet.
    if (words !== undefined) return mode === "release" ? words : "the driver is being taken up again";
    if (mode === "release" && this.#gpus.get(gpu)?.loop.isQuiet) return RELEASED_ALONE;
    if (mode === "observe" || mode === "release") return undefined;
    if (!this.#shedding.isShed(gpu)) return this.#overcommitment.why(gpu);
    const { clock, ledger } = this.#parts;
    const order = ledger.curtailments.current(clock.now());
    if (order === undefined) return "resting until its turn to return, now that the power limit has ended";
    const until = `${order.maxPower} W until ${new Date(order.until).toISOString().slice(0, 19).replace("T", " ")} UTC`;
    const { drawnAtRest } = this.#shedding;
    const drawn = drawnAtRest && Math.round(this.#atWall(drawnAtRest));
    if (drawn === undefined || drawn <= order.maxPower) return `resting to keep the rig under ${until}`;
    return `everything rests and the rig still draws ${drawn} W; ordered were at most ${until}`;
  }

  mode(gpu?: GpuUuid): Mode {
    return modeOf(this.#parts, gpu);
  }

  /** Records the operator's order, then wakes every loop; throws `ERR_RIG_UNKNOWN_GPU`. */
  setMode(order: { readonly mode: Mode; readonly gpu?: string; readonly length?: Millis; readonly by: string }): {
    readonly until: UnixMs | undefined;
  } {
    const { clock, ledger } = this.#parts;
    const gpu = [...this.#gpus.keys()].find((uuid) => uuid === order.gpu);
    if (order.gpu !== undefined && gpu === undefined) throw noGpu(order.gpu);
    const at = clock.now();
    const until = order.length === undefined ? undefined : after(at, order.length);
    ledger.modes.appendMode({ mode: order.mode, gpu, until, at, by: order.by });
    // Who puts this very GPU to work has looked at it; an order for the whole rig says nothing of it.
    if (gpu !== undefined && WORKING_MODES.has(order.mode)) {
      this.#gpus.get(gpu)?.health.vouch();
      this.#tenancies.vouch(gpu);
    }
    for (const { wake } of this.#gpus.values()) wake.call();
    this.#parts.onChange();
    return { until };
  }
}

const RELEASED_ALONE =
  "nothing of ours runs on this GPU; the driver's session is one for all GPUs and stays open for the others: " +
  "to close it, order rigshift mode release without --gpu";

const WORKING_MODES: ReadonlySet<Mode> = new Set(["auto", "mine", "serve"]);

const noGpu = (gpu: string): RigStateError =>
  new RigStateError(`this rig has no GPU ${gpu}`, {
    code: "ERR_RIG_UNKNOWN_GPU",
    gpu,
    mend: "take a UUID that `rigshift gpus` lists",
  });

function burden({ queue, loop }: Rigged): number {
  const { waiting, active } = queue.facts();
  return (queue.isClosed ? 1e6 : 0) + waiting + active + (loop.isServing ? 0 : 0.5);
}

const modeOf = ({ ledger, clock, config, standing }: RigParts, gpu?: GpuUuid): Mode =>
  standing ?? ledger.modes.current(clock.now(), gpu)?.mode ?? config.mode;

/** What all GPUs of a rig share. */
interface Common {
  readonly power: PowerBudget;
  readonly externals: OpenTenancies;
  /** Why this GPU has to rest for want of power. */
  readonly shed: () => string | undefined;
}

function rigUp(info: GpuInfo, parts: RigParts, { power, externals, shed }: Common): Rigged {
  const { clock, ledger, logger, config, onChange, onFault, driver, source } = parts;
  const gpu = info.uuid;
  const wake = new Wake();
  const steady = steadyClock(clock);
  const { inference, policy } = config;
  const queue = queueOf(gpu, inference, { steady, wake });
  const hostShare = 1 / parts.gpus.length;
  const wall = { hostPower: config.power.wall.base, factor: 1 / config.power.wall.efficiency };
  const electricity = () => bookedPower(parts);
  const books = { gpu, source, ledger, clock, logger, wall, hostShare, setTotals: externals.setTotals };
  const roster = new Roster(parts.processes ?? machineProcesses);
  roster.awaitSurvey(driver);
  const meter = new MeterBook({ ...books, ...sensorFacts(info, parts), roster, electricity });
  const tenancies = externals.tenancies.of(gpu, new ExternalPower(gpu, parts));
  const priced = { electricity, wear: policy.wearPerSwitch };
  const switches = new SwitchBook({ ...priced, gpu, ledger, clock: steady, externals: tenancies.startable });
  const sheets = parts.mining ?? [];
  const labels = {
    hashing: sheets.flatMap(({ sheet }) => labelsOf(sheet)),
    serving: parts.model ?? "serving",
    resting: "rest",
  };
  const rates = new RateBook(gpu, labels, { ledger, clock });
  const served = parts.model === undefined ? undefined : new ServedRates({ gpu, model: parts.model, ledger, clock });
  const cooldown = new Cooldown();
  const demand = new ObservedDemand(clock.now());
  const ground = groundOf(info, parts, { steady, meter, roster, onTrouble: () => wake.call() });
  const prices = createPriceLook(info.name, partAtWall(parts, wall), parts);
  const mining = miningOf(info, { ...parts, terms: prices.terms }, sheets, ground);
  const engine = inference && parts.model && { ...inference.engine, name: parts.model };
  const serving = engine && servingOf(info, driver, engine, ground);
  const settings = settingsOf(info, parts, power);
  const trial = new Trial(settings.tuner);
  const own = { meter, queue, rates, cooldown, switches, ground, power, tenancies };
  const works = { ...(mining ? { mining } : {}), ...(serving ? { serving } : {}), ...(served ? { served } : {}) };
  const shared = { clock, steady, ledger, logger, ...own, ...works, onChange };
  const custody = new Custody({
    ...shared,
    ...settings,
    gpu,
    drainTimeout: inference?.drainTimeout ?? seconds(0),
    gap: new StartGap(clock, policy.pauseBetween),
  });
  const loop = new GpuLoop({
    ...shared,
    info,
    wake,
    demand,
    custody,
    onFault,
    prices,
    rules: (roundTrip) => rulesOf(config, roundTrip),
    mode: () => (shed() === undefined ? (trial.mode ?? modeOf(parts, gpu)) : "pause"),
    ordered: () => modeOf(parts, gpu),
    shed,
    trial,
  });
  return { loop, queue, demand, wake, roster, health: ground.health, mining };
}

/** The requests of one GPU; none are taken where nothing is served. */
const queueOf = (
  gpu: GpuUuid,
  inference: RigConfig["inference"],
  { steady, wake }: { readonly steady: Clock; readonly wake: Wake },
): RequestQueue =>
  new RequestQueue({
    gpu,
    clock: steady,
    maxWait: inference?.maxWait ?? seconds(0),
    limit: inference?.queueLimit ?? 0,
    onChange: () => wake.call(),
  });
