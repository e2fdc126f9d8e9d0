import koffi, { type LibraryHandle } from "koffi";
import { messageOf } from "../../lib/errors.ts";
import { GpuError } from "../errors.ts";
import { toSafeInteger, toText } from "./memory.ts";
import { FUNCTION_NOT_FOUND, SUCCESS } from "./returns.ts";

const POINTER = "void *";
const UINT = "unsigned int";
const UINT64 = "uint64_t";

/** Every call that we make, with its parameters; all answer an int. */
const PARAMETERS = {
  nvmlInit_v2: [],
  nvmlShutdown: [],
  nvmlSystemGetDriverVersion: [POINTER, UINT],
  nvmlDeviceGetCount_v2: [POINTER],
  nvmlDeviceGetHandleByIndex_v2: [UINT, POINTER],
  nvmlDeviceGetHandleByPciBusId_v2: ["str", POINTER],
  nvmlDeviceGetUUID: [POINTER, POINTER, UINT],
  nvmlDeviceGetName: [POINTER, POINTER, UINT],
  nvmlDeviceGetPciInfo_v3: [POINTER, POINTER],
  nvmlDeviceGetArchitecture: [POINTER, POINTER],
  nvmlDeviceGetMigMode: [POINTER, POINTER, POINTER],
  nvmlDeviceGetFieldValues: [POINTER, "int", POINTER],
  nvmlDeviceGetTotalEnergyConsumption: [POINTER, POINTER],
  nvmlDeviceGetPowerUsage: [POINTER, POINTER],
  nvmlDeviceGetEnforcedPowerLimit: [POINTER, POINTER],
  nvmlDeviceGetTemperature: [POINTER, "int", POINTER],
  nvmlDeviceGetFanSpeed: [POINTER, POINTER],
  nvmlDeviceGetUtilizationRates: [POINTER, POINTER],
  nvmlDeviceGetMemoryInfo_v2: [POINTER, POINTER],
  nvmlDeviceGetMemoryInfo: [POINTER, POINTER],
  nvmlDeviceGetComputeRunningProcesses_v2: [POINTER, POINTER, POINTER],
  nvmlDeviceGetComputeRunningProcesses_v3: [POINTER, POINTER, POINTER],
  nvmlDeviceGetGraphicsRunningProcesses_v2: [POINTER, POINTER, POINTER],
  nvmlDeviceGetGraphicsRunningProcesses_v3: [POINTER, POINTER, POINTER],
  nvmlDeviceGetProcessUtilization: [POINTER, POINTER, POINTER, UINT64],
  nvmlDeviceGetPowerManagementLimitConstraints: [POINTER, POINTER, POINTER],
  nvmlDeviceGetPowerManagementDefaultLimit: [POINTER, POINTER],
  nvmlDeviceSetPowerManagementLimit: [POINTER, UINT],
  nvmlDeviceGetClockInfo: [POINTER, "int", POINTER],
  nvmlDeviceSetGpuLockedClocks: [POINTER, UINT, UINT],
  nvmlDeviceResetGpuLockedClocks: [POINTER],
  nvmlDeviceSetMemoryLockedClocks: [POINTER, UINT, UINT],
  nvmlDeviceResetMemoryLockedClocks: [POINTER],
  nvmlEventSetCreate: [POINTER],
  nvmlDeviceRegisterEvents: [POINTER, UINT64, POINTER],
  nvmlEventSetWait_v2: [POINTER, POINTER, UINT],
  nvmlEventSetFree: [POINTER],
} as const satisfies Record<string, readonly string[]>;

export type NvmlFunction = keyof typeof PARAMETERS;
/** A handle, a number, a text going in, or memory for what comes out. */
export type NvmlArgument = bigint | number | string | Buffer;
type Arguments = readonly NvmlArgument[];
type Bound = ReturnType<LibraryHandle["func"]>;

/** What one call brought: its answer, and the value where there is one. */
export interface Answer<T> {
  readonly code: number;
  readonly value?: T;
}

/** The names under which drivers install the library. */
export const libraryNames = (platform: NodeJS.Platform): readonly string[] =>
  platform === "win32"
    ? ["nvml.dll", "C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvml.dll"]
    : ["libnvidia-ml.so.1", "libnvidia-ml.so"];

/** The driver's library. A function that it lacks answers `FUNCTION_NOT_FOUND`, as the library itself does for some. */
export class NvmlLibrary {
  readonly #handle: LibraryHandle;
  readonly #bound = new Map<NvmlFunction, Bound | undefined>();
  readonly #word = Buffer.alloc(8);
  readonly #text = Buffer.alloc(128);

  constructor(names: readonly string[]) {
    this.#handle = loadFirst(names);
  }

  call(name: NvmlFunction, ...args: Arguments): number {
    const bound = this.#find(name);
    return bound === undefined ? FUNCTION_NOT_FOUND : Number(bound(...args));
  }

  /** Runs on a thread of its own. Memory must not move until it resolves: give handles of `koffi.alloc`. */
  callAsync(name: NvmlFunction, ...args: Arguments): Promise<number> {
    const bound = this.#find(name);
    if (bound === undefined) return Promise.resolve(FUNCTION_NOT_FOUND);
    return new Promise((resolve, reject) => {
      bound.async(...args, (error: unknown, code: unknown) => (error ? reject(error) : resolve(Number(code))));
    });
  }

  /** Calls a getter whose last parameter is an `unsigned int *`. */
  readUint(name: NvmlFunction, ...args: Arguments): Answer<number> {
    const code = this.call(name, ...args, this.#word);
    return code === SUCCESS ? { code, value: this.#word.readUInt32LE() } : { code };
  }

  /** Calls a getter whose last parameter is an `unsigned long long *`; a value beyond a safe integer is absent. */
  readUint64(name: NvmlFunction, ...args: Arguments): Answer<number> {
    const code = this.call(name, ...args, this.#word);
    const value = code === SUCCESS ? toSafeInteger(this.#word.readBigUInt64LE()) : undefined;
    return value === undefined ? { code } : { code, value };
  }

  /** Calls a getter whose last parameter is a `void **`. */
  readPointer(name: NvmlFunction, ...args: Arguments): Answer<bigint> {
    const code = this.call(name, ...args, this.#word);
    return code === SUCCESS ? { code, value: this.#word.readBigUInt64LE() } : { code };
  }

  /** Calls a getter whose last parameters are a `char *` and its length. */
  readText(name: NvmlFunction, ...args: Arguments): Answer<string> {
    this.#text.fill(0);
    const code = this.call(name, ...args, this.#text, this.#text.length - 1);
    return code === SUCCESS ? { code, value: toText(this.#text) } : { code };
  }

  /** Ends this thread's use of the file, so that another version of it can be loaded. Nothing may be called after it. */
  unload(): void {
    this.#bound.clear();
    this.#handle.unload();
  }

  #find(name: NvmlFunction): Bound | undefined {
    if (this.#bound.has(name)) return this.#bound.get(name);
    const bound = this.#resolve(name);
    this.#bound.set(name, bound);
    return bound;
  }

  #resolve(name: NvmlFunction): Bound | undefined {
    try {
      return this.#handle.func(name, "int", [...PARAMETERS[name]]);
    } catch {
      // This driver is older or newer than the function: what it would tell is absent.
      return undefined;
    }
  }
}

function loadFirst(names: readonly string[]): LibraryHandle {
  const causes: unknown[] = [];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      causes.push(error);
    }
  }
  throw new GpuError(
    `${names[0]} cannot be loaded: ${messageOf(causes[0])}`,
    {
      code: "ERR_GPU_NVML_UNAVAILABLE",
      mend: "install the NVIDIA driver, or name its libnvidia-ml.so.1 in RIGSHIFT_NVML_LIBRARY",
    },
    { cause: new AggregateError(causes) },
  );
}
