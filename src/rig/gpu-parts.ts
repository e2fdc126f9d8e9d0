import { freemem } from "node:os";
import type { RigConfig } from "../config/load.ts";
import type { RigPower } from "../energy/rig-power.ts";
import type { WallModel } from "../energy/wall.ts";
import { driverLoadOf } from "../gpu/driver-load.ts";
import { machineFiles } from "../gpu/machine-files.ts";
import type { GpuControl, GpuInfo, GpuSource } from "../gpu/source.ts";
import { builtInEngineContainer, builtInEngineSpec } from "../inference/engines/built-in.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { type Watts, watts } from "../units/energy.ts";
import { EngineControl } from "./engine-control.ts";
import type { LoopParts } from "./loop-parts.ts";
import { OwnClaim } from "./own-claim.ts";
import type { PowerBudget } from "./power-budget.ts";
import type { RigDriver } from "./rig-driver.ts";
import { Surroundings, type SurroundingsParts } from "./surroundings.ts";
import { Tuner } from "./tuner.ts";

/** What the parts of every GPU are made from. */
interface GpuPartsOfRig {
  readonly config: RigConfig;
  readonly source: GpuSource;
  readonly control?: GpuControl | "none";
  readonly undo?: GpuControl | undefined;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rigPower?: RigPower;
}

/** How one GPU is set, and the power that it claims for that; its own profile goes before the one for all. */
export function settingsOf(
  { uuid: gpu }: GpuInfo,
  { config, source, control, undo, ledger, clock, logger }: GpuPartsOfRig,
  power: PowerBudget,
): { readonly tuner: Tuner; readonly claim: OwnClaim } {
  const { profiles } = config.power;
  const own = [...profiles.filter((one) => one.gpu === gpu), ...profiles.filter((one) => one.gpu === undefined)];
  const way = control === "none" ? undefined : (control ?? source.control);
  const claim = new OwnClaim(gpu, power);
  return { claim, tuner: new Tuner({ gpu, clock, control: way, undo, profiles: own, claim, ledger, logger }) };
}

/** What the hardware says of one GPU, by the rules of the configuration. */
export function groundOf(
  info: GpuInfo,
  { config, ledger, clock, logger }: GpuPartsOfRig,
  own: Pick<SurroundingsParts, "steady" | "meter" | "roster" | "onTrouble">,
): Surroundings {
  return new Surroundings({
    ...own,
    info,
    ledger,
    clock,
    logger,
    guestRules: config.guests,
    isReleased: () => (ledger.modes.current(clock.now(), info.uuid)?.mode ?? config.mode) === "release",
    driverLoad: () => driverLoadOf(machineFiles),
    hostFree: () => freemem() / 2 ** 20,
  });
}

/** What is known of this very card's sensor, and of the rig's power. */
export function sensorFacts({ uuid, name, architecture }: GpuInfo, { config, source, rigPower }: GpuPartsOfRig) {
  const { driverVersion } = source;
  const calibration = config.power.cards.find(({ gpu }) => gpu === uuid);
  return {
    card: {
      name,
      ...(architecture === undefined ? {} : { architecture }),
      ...(driverVersion ? { driverVersion } : {}),
    },
    ...(calibration === undefined ? {} : { calibration }),
    ...(rigPower === undefined ? {} : { rigPower }),
  };
}

interface RigAtWall {
  readonly gpus: readonly unknown[];
  readonly rigPower?: Pick<RigPower, "wall">;
}

/** What the watts of one GPU are at the wall, with its part of what the rig draws beside its GPUs. */
export const partAtWall =
  ({ gpus, rigPower }: RigAtWall, prior: WallModel) =>
  (drawn: Watts): Watts => {
    const { factor, hostPower } = rigPower?.wall() ?? prior;
    return watts(drawn * factor + hostPower / gpus.length);
  };

type EngineConfig = NonNullable<RigConfig["inference"]>["engine"] & { readonly name: string };

/** The engine that serves on one GPU. */
export function servingOf(
  info: GpuInfo,
  driver: RigDriver,
  engine: EngineConfig,
  ground: Surroundings,
): NonNullable<LoopParts["serving"]> {
  const { kind: _, gpu, image, memoryMiB, ...rest } = engine;
  const options = { ...rest, gpu: info.uuid, useGpu: gpu === "auto" };
  const spec = image === undefined ? builtInEngineSpec(options) : builtInEngineContainer(image, memoryMiB, options);
  const control = new EngineControl(driver, spec, {
    onWork: (work) => ground.roster.note("engine", work),
    mayHoldVram: info.vramTotalMiB !== undefined,
  });
  ground.useEngine(control);
  return { engine: control, model: engine.name };
}
