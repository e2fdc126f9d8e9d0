import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

export type StayState = "starting" | "running" | "stopping";

/** What an external workload was last known to do with one GPU. */
export interface ExternalStay {
  readonly name: string;
  readonly gpu: GpuUuid;
  readonly state: StayState;
  readonly at: UnixMs;
  /** The machine's boot in which this was so; undefined where it is not told. */
  readonly bootId: string | undefined;
  /** When the hook that starts or stops it is out of time; undefined once it has ended. */
  readonly hookEnds: UnixMs | undefined;
  /** Its process, which leads a group; undefined for a hook that is no process. */
  readonly hookPid: number | undefined;
  /** The kernel's start time of that process. */
  readonly hookTicks: number | undefined;
}

export type StayHook = Pick<ExternalStay, "hookPid" | "hookTicks"> & { readonly hookEnds: UnixMs };

export interface ExternalStayReads {
  list(): readonly ExternalStay[];
}

/** The external workloads that are not known to be over. What concerns several GPUs is written for all of them at once. */
export interface ExternalStays extends ExternalStayReads {
  /** Replaces what was known, hook included. */
  put(gpus: readonly GpuUuid[], stay: Pick<ExternalStay, "name" | "state" | "at" | "bootId">): void;
  /** The hook that runs now. */
  noteHook(name: string, gpus: readonly GpuUuid[], hook: StayHook): void;
  remove(name: string, gpus: readonly GpuUuid[]): void;
}

const PUT = `
INSERT OR REPLACE INTO external_stays (name, gpu_uuid, state, at_ms, boot_id)
VALUES (@name, @gpu, @state, @at, @bootId)`;
const NOTE_HOOK = `
UPDATE external_stays SET hook_ends_ms = @hookEnds, hook_pid = @hookPid, hook_ticks = @hookTicks
WHERE name = @name AND gpu_uuid = @gpu`;
const LIST = `
SELECT name, gpu_uuid AS gpu, state, at_ms AS at, boot_id AS bootId, hook_ends_ms AS hookEnds, hook_pid AS hookPid,
  hook_ticks AS hookTicks
FROM external_stays ORDER BY name, gpu_uuid`;

export function createExternalStays(connection: Connection): ExternalStays {
  const put = connection.prepare(PUT);
  const noteHook = connection.prepare(NOTE_HOOK);
  const remove = connection.prepare("DELETE FROM external_stays WHERE name = @name AND gpu_uuid = @gpu");
  const list = connection.prepare<Nullable<ExternalStay>>(LIST);
  const forAll = (gpus: readonly GpuUuid[], write: (gpu: GpuUuid) => void) =>
    connection.transaction(() => {
      for (const gpu of gpus) write(gpu);
    });
  return {
    put: (gpus, { name, state, at, bootId }) =>
      forAll(gpus, (gpu) => void put.run({ name, gpu, state, at, bootId: orNull(bootId) })),
    noteHook: (name, gpus, { hookEnds, hookPid, hookTicks }) =>
      forAll(
        gpus,
        (gpu) => void noteHook.run({ name, gpu, hookEnds, hookPid: orNull(hookPid), hookTicks: orNull(hookTicks) }),
      ),
    remove: (name, gpus) => forAll(gpus, (gpu) => void remove.run({ name, gpu })),
    list: () => list.all().map((row) => fromRow<ExternalStay>(row)),
  };
}
