import type { UnixMs } from "../units/time.ts";
import { type Connection, orNull } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** Why a GPU was taken out of service. */
export type GpuFaultKind = "lost" | "reset-required" | "xid" | "quarantined";

export interface GpuFaultRow {
  readonly gpu: GpuUuid;
  /** PCI bus id: what fails is often the slot, the riser or the cable, whatever card sits there. */
  readonly slot: string;
  readonly at: UnixMs;
  readonly kind: GpuFaultKind;
  readonly xid?: number;
  readonly reason: string;
}

export interface GpuFaultReads {
  /** How often a card in this slot was taken out of service at or after `from`. */
  countSince(slot: string, from: UnixMs): number;
}

/** Every time a GPU was taken out of service, by the slot it sits in. */
export interface GpuFaults extends GpuFaultReads {
  append(row: GpuFaultRow): void;
}

const APPEND = `
INSERT INTO gpu_faults (gpu_uuid, slot, at_ms, kind, xid, reason) VALUES (@gpu, @slot, @at, @kind, @xid, @reason)`;
const COUNT = "SELECT count(*) AS count FROM gpu_faults WHERE slot = @slot AND at_ms >= @from";

export function createGpuFaults(connection: Connection): GpuFaults {
  const append = connection.prepare(APPEND);
  const count = connection.prepare<{ count: number }>(COUNT);
  return {
    append: (row) => void append.run({ ...row, xid: orNull(row.xid) }),
    countSince: (slot, from) => count.get({ slot, from })?.count ?? 0,
  };
}
