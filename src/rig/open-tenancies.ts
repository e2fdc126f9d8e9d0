import type { RigConfig } from "../config/load.ts";
import { readBootId } from "../gpu/driver-load.ts";
import type { GpuInfo } from "../gpu/source.ts";
import type { ExternalStay } from "../ledger/external-stays.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import { type Clock, steadyClock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { type LastHook, outlastHook } from "../workloads/external/last-hook.ts";
import { ExternalProgram, type RunningHook } from "../workloads/external/program.ts";
import { setsOf } from "../workloads/external/sets.ts";
import { ForgottenStays, forgottenOf } from "./forgotten-stays.ts";
import type { PowerBudget } from "./power-budget.ts";
import { SetTotals } from "./set-totals.ts";
import { Tenancies } from "./tenancies.ts";
import { Tenancy } from "./tenancy.ts";
import { TenancyBook } from "./tenancy-book.ts";

export interface TenanciesSetting {
  readonly config: Pick<RigConfig, "external">;
  readonly gpus: readonly GpuInfo[];
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when the ledger cannot be written. */
  readonly onFault: (error: unknown) => void;
  readonly power: Pick<PowerBudget, "whyNotTogether">;
  /** Wakes the loop of this GPU. */
  readonly wake: (gpu: GpuUuid) => void;
}

type External = RigConfig["external"][number];

export interface OpenTenancies {
  readonly tenancies: Tenancies;
  readonly setTotals: SetTotals;
}

/** The external workloads of the configuration: one for each set, else one for each of their GPUs. */
export function openTenancies(setting: TenanciesSetting): OpenTenancies {
  const { config, gpus, ledger, clock, logger } = setting;
  const setTotals = new SetTotals();
  const common = { ...setting, steady: steadyClock(clock), setTotals, seats: new Map<GpuUuid, Tenancy>() };
  const left = ledger.externalStays.list();
  const present = gpus.map(({ uuid }) => uuid);
  const all = config.external.flatMap((external) => {
    const { sets, absent } = setsOf(external, present);
    if (absent.length > 0) logger.warn(ABSENT, { external: external.name, gpus: absent.join(", ") });
    return sets.map((set) => openTenancy(external, set, { ...common, left }));
  });
  const forgotten = new ForgottenStays({ stays: forgottenOf(left, config.external, present), ledger, logger });
  return { tenancies: new Tenancies({ all, clock, forgotten }), setTotals };
}

const ABSENT = "an external workload names GPUs that this rig has not";

interface Common extends TenanciesSetting {
  readonly steady: Clock;
  readonly setTotals: SetTotals;
  readonly seats: Map<GpuUuid, Tenancy>;
  readonly left: readonly ExternalStay[];
}

function openTenancy(external: External, gpus: readonly GpuUuid[], common: Common) {
  const { ledger, clock, logger, steady, setTotals, seats, power, wake, onFault } = common;
  const { name, start, rate, occupancy, platformCut, coolDown, acquireTimeout } = external;
  const onChange = () => {
    for (const gpu of gpus) wake(gpu);
  };
  const bootId = readBootId();
  const book = new TenancyBook({ name, gpus, ledger, clock, setTotals, onFault, ...(bootId ? { bootId } : {}) });
  const onHook = (hook: RunningHook) => book.noteHook(hook);
  const program = new ExternalProgram({ spec: external, gpus, clock: steady, logger, onChange, onHook });
  const isOurs = start !== undefined;
  const stays = common.left.filter((one) => one.name === name && gpus.includes(one.gpu));
  const left = leftOf(stays, bootId);
  const hook = lastHookOf(stays, bootId);
  const tenancy = new Tenancy({
    terms: { name, isOurs, rate, occupancy, platformCut, coolDown, acquireTimeout },
    gpus,
    program,
    book,
    seats,
    steady,
    logger,
    ...(left === undefined ? {} : { left }),
    ...(hook === undefined ? {} : { outlastHook: (signal) => outlastHook(hook, { clock, logger }, signal) }),
    lack: () => power.whyNotTogether(gpus),
    onChange,
  });
  return { tenancy, program };
}

/** How far an earlier agent had come; no program outlives a boot, so that has to be asked anew. */
export function leftOf(stays: readonly ExternalStay[], bootId: string | undefined): "starting" | "running" | undefined {
  if (stays.length === 0) return undefined;
  const isRunning = stays.some((stay) => stay.state === "running" && !isOtherBoot(stay, bootId));
  return isRunning ? "running" : "starting";
}

/** The hook that an earlier agent did not see end; after another boot it has no process any more. */
function lastHookOf(stays: readonly ExternalStay[], bootId: string | undefined): LastHook | undefined {
  const stay = stays.find(({ hookEnds, state }) => hookEnds !== undefined && state !== "running");
  if (stay?.hookEnds === undefined || isOtherBoot(stay, bootId)) return undefined;
  return { name: stay.name, ends: stay.hookEnds, pid: stay.hookPid, startTicks: stay.hookTicks };
}

const isOtherBoot = (stay: ExternalStay, bootId: string | undefined): boolean =>
  stay.bootId !== undefined && bootId !== undefined && stay.bootId !== bootId;
