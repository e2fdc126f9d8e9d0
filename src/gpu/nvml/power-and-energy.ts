import { type MilliJoules, milliJoules, type Watts, watts } from "../../units/energy.ts";
import type { PowerField } from "../source.ts";
import type { NvmlLibrary } from "./library.ts";
import { toSafeInteger } from "./memory.ts";
import { type Fault, FUNCTION_NOT_FOUND, faultOf, SUCCESS } from "./returns.ts";

/*
 * nvmlFieldValue_t, 40 bytes: fieldId u32 @0, scopeId u32 @4, timestamp i64 @8, latency i64 @16, valueType i32 @24,
 * nvmlReturn i32 @28, value @32. Scope 0 is the GPU; on GH200 its energy covers the whole module, the CPU included.
 */
const SIZE = 40;
const ENERGY = 83;
const AVERAGE = 185;
const INSTANT = 186;
const FIELDS = [ENERGY, AVERAGE, INSTANT] as const;

export interface PowerAndEnergy {
  readonly power?: Watts;
  readonly powerField?: PowerField;
  readonly energy?: MilliJoules;
}

/** Reads power and energy of the same moment: values that the driver fetches together come from one call. */
export class PowerAndEnergyReader {
  readonly #library: NvmlLibrary;
  readonly #fields = Buffer.alloc(SIZE * FIELDS.length);

  constructor(library: NvmlLibrary) {
    this.#library = library;
  }

  /** What is absent cannot be told by this GPU or driver; a fault means that the GPU itself did not answer. */
  read(handle: bigint): PowerAndEnergy | Fault {
    const code = this.#readFields(handle);
    if (typeof code === "string") return code;
    const energy = this.#value(ENERGY) ?? this.#energyAlone(handle);
    if (typeof energy === "string") return energy;
    const power = this.#power(handle);
    if (typeof power === "string") return power;
    return { ...power, ...(energy === undefined ? {} : { energy: milliJoules(energy) }) };
  }

  #readFields(handle: bigint): Fault | undefined {
    this.#fields.fill(0);
    FIELDS.forEach((field, index) => {
      this.#fields.writeUInt32LE(field, index * SIZE);
      // Not touched by a call that failed as a whole.
      this.#fields.writeInt32LE(FUNCTION_NOT_FOUND, index * SIZE + 28);
    });
    const whole = faultOf(this.#library.call("nvmlDeviceGetFieldValues", handle, FIELDS.length, this.#fields));
    return whole ?? FIELDS.map((_, index) => faultOf(this.#codeAt(index))).find((fault) => fault !== undefined);
  }

  /** The newest power first; drivers and boards differ in what they tell. */
  #power(handle: bigint): PowerAndEnergy | Fault {
    const instant = this.#value(INSTANT);
    if (instant !== undefined) return { power: watts(instant / 1000), powerField: "instant" };
    const average = this.#value(AVERAGE);
    if (average !== undefined) return { power: watts(average / 1000), powerField: "average" };
    const { code, value } = this.#library.readUint("nvmlDeviceGetPowerUsage", handle);
    return faultOf(code) ?? (value === undefined ? {} : { power: watts(value / 1000), powerField: "draw" });
  }

  #energyAlone(handle: bigint): number | Fault | undefined {
    const { code, value } = this.#library.readUint64("nvmlDeviceGetTotalEnergyConsumption", handle);
    return faultOf(code) ?? value;
  }

  #codeAt(index: number): number {
    return this.#fields.readInt32LE(index * SIZE + 28);
  }

  #value(field: (typeof FIELDS)[number]): number | undefined {
    const index = FIELDS.indexOf(field);
    if (this.#codeAt(index) !== SUCCESS) return undefined;
    const at = index * SIZE;
    return decodeValue(this.#fields, at + 32, this.#fields.readInt32LE(at + 24));
  }
}

/** The union's member by nvmlValueType_t; undefined for what is negative, unknown or too large. */
function decodeValue(buffer: Buffer, at: number, type: number): number | undefined {
  switch (type) {
    case 0: {
      const value = Math.round(buffer.readDoubleLE(at));
      return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
    }
    case 1:
      return buffer.readUInt32LE(at);
    case 2:
    case 3:
      return toSafeInteger(buffer.readBigUInt64LE(at));
    case 4:
      return toSafeInteger(buffer.readBigInt64LE(at));
    case 5:
      return toSafeInteger(BigInt(buffer.readInt32LE(at)));
    case 6:
      return buffer.readUInt16LE(at);
    default:
      return undefined;
  }
}
