import { watts } from "../../units/energy.ts";
import type { ClockDomain, ControlOutcome, GpuSettings } from "../source.ts";
import type { NvmlFunction, NvmlLibrary } from "./library.ts";
import type { Wish } from "./protocol.ts";
import { FUNCTION_NOT_FOUND, faultOf, INVALID_ARGUMENT, NO_PERMISSION, NOT_SUPPORTED, SUCCESS } from "./returns.ts";

/** nvmlClockType_t. */
const CLOCK = { graphics: 0, memory: 2 } as const satisfies Record<ClockDomain, number>;
const LOCK = { graphics: "nvmlDeviceSetGpuLockedClocks", memory: "nvmlDeviceSetMemoryLockedClocks" } as const;
const RESET = { graphics: "nvmlDeviceResetGpuLockedClocks", memory: "nvmlDeviceResetMemoryLockedClocks" } as const;

/** Reads and sets limits and clocks of one GPU after the other. */
export class GpuController {
  readonly #library: NvmlLibrary;
  readonly #lowest = Buffer.alloc(4);
  readonly #highest = Buffer.alloc(4);

  constructor(library: NvmlLibrary) {
    this.#library = library;
  }

  read(handle: bigint): GpuSettings {
    const library = this.#library;
    const enforced = library.readUint("nvmlDeviceGetEnforcedPowerLimit", handle).value;
    const standard = library.readUint("nvmlDeviceGetPowerManagementDefaultLimit", handle).value;
    const graphicsMhz = library.readUint("nvmlDeviceGetClockInfo", handle, CLOCK.graphics).value;
    const memoryMhz = library.readUint("nvmlDeviceGetClockInfo", handle, CLOCK.memory).value;
    return {
      ...this.#range(handle),
      ...(enforced === undefined ? {} : { powerLimit: watts(enforced / 1000) }),
      ...(standard === undefined ? {} : { defaultPowerLimit: watts(standard / 1000) }),
      ...(graphicsMhz === undefined ? {} : { graphicsMhz }),
      ...(memoryMhz === undefined ? {} : { memoryMhz }),
    };
  }

  apply(handle: bigint, wish: Wish): ControlOutcome {
    switch (wish.set) {
      case "power-limit":
        return this.#set("nvmlDeviceSetPowerManagementLimit", handle, Math.round(wish.limit * 1000));
      case "clock-lock":
        return this.#set(LOCK[wish.lock.domain], handle, wish.lock.lowestMhz, wish.lock.highestMhz);
      case "clock-reset":
        return this.#set(RESET[wish.domain], handle);
    }
  }

  #set(name: NvmlFunction, handle: bigint, ...values: readonly number[]): ControlOutcome {
    if (!values.every(isUnsigned)) return { kind: "refused", reason: "out-of-range" };
    return toOutcome(this.#library.call(name, handle, ...values));
  }

  #range(handle: bigint): GpuSettings {
    const name = "nvmlDeviceGetPowerManagementLimitConstraints";
    if (this.#library.call(name, handle, this.#lowest, this.#highest) !== SUCCESS) return {};
    return {
      lowestPowerLimit: watts(this.#lowest.readUInt32LE() / 1000),
      highestPowerLimit: watts(this.#highest.readUInt32LE() / 1000),
    };
  }
}

const isUnsigned = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

function toOutcome(returnCode: number): ControlOutcome {
  if (faultOf(returnCode) !== undefined) return { kind: "unavailable" };
  switch (returnCode) {
    case SUCCESS:
      return { kind: "done" };
    case NO_PERMISSION:
      return { kind: "refused", reason: "no-permission" };
    case NOT_SUPPORTED:
    case FUNCTION_NOT_FOUND:
      return { kind: "refused", reason: "not-supported" };
    case INVALID_ARGUMENT:
      return { kind: "refused", reason: "out-of-range" };
    default:
      return { kind: "failed", returnCode };
  }
}
