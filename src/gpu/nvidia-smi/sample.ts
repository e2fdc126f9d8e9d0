import type { GpuUuid } from "../../ledger/rows.ts";
import { type Watts, watts } from "../../units/energy.ts";
import type { GpuHealth, GpuReading, PowerField } from "../source.ts";
import { FAN, MEMORY, POWER, TEMPERATURE, toNumber, toText, troubleIn, UTILIZATION } from "./cells.ts";

/** The cells of one GPU, as printed; the same set whether they came as XML or as CSV. */
export interface GpuCells {
  readonly instant?: string | undefined;
  readonly average?: string | undefined;
  readonly draw?: string | undefined;
  readonly limit?: string | undefined;
  readonly temperature?: string | undefined;
  readonly fan?: string | undefined;
  readonly utilization?: string | undefined;
  readonly vramUsed?: string | undefined;
  readonly resetRequired?: string | undefined;
  readonly recovery?: string | undefined;
}

/** What changes from second to second. An absent field could not be read. */
export type GpuSample = Pick<GpuReading, "health"> &
  Partial<
    Pick<
      GpuReading,
      "power" | "powerField" | "powerLimit" | "temperatureC" | "fanPercent" | "utilizationPercent" | "vramUsedMiB"
    >
  >;

/** `draw` comes last: it means the average on one driver and the instant on another. */
const POWER_ORDER: readonly PowerField[] = ["instant", "average", "draw"];
const UUID = /^GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id of a whole GPU; undefined for anything else. */
export function toUuid(cell: string | undefined): GpuUuid | undefined {
  const text = (cell ?? "").trim();
  return isUuid(text) ? text : undefined;
}

const isUuid = (text: string): text is GpuUuid => UUID.test(text);

export function toSample(cells: GpuCells): GpuSample {
  const limit = toNumber(cells.limit, POWER);
  const temperatureC = toNumber(cells.temperature, TEMPERATURE);
  const fanPercent = toNumber(cells.fan, FAN);
  const utilizationPercent = toNumber(cells.utilization, UTILIZATION);
  const vramUsedMiB = toNumber(cells.vramUsed, MEMORY);
  return {
    health: toHealth(cells),
    ...choosePower(cells),
    ...(limit === undefined ? {} : { powerLimit: watts(limit) }),
    ...(temperatureC === undefined ? {} : { temperatureC }),
    ...(fanPercent === undefined ? {} : { fanPercent }),
    ...(utilizationPercent === undefined ? {} : { utilizationPercent }),
    ...(vramUsedMiB === undefined ? {} : { vramUsedMiB }),
  };
}

function choosePower(cells: GpuCells): { readonly power?: Watts; readonly powerField?: PowerField } {
  for (const powerField of POWER_ORDER) {
    const power = toNumber(cells[powerField], POWER);
    if (power !== undefined) return { power: watts(power), powerField };
  }
  return {};
}

/** A GPU that only recommends to be drained still works, and its work is still metered. */
function toHealth(cells: GpuCells): GpuHealth {
  const troubles = Object.values(cells).map(troubleIn);
  if (troubles.includes("lost")) return "lost";
  const asksForReset = /^yes$/i.test(toText(cells.resetRequired) ?? "");
  const asksForRecovery = /^(?:gpu |node )?(?:reset|reboot)$/i.test(toText(cells.recovery) ?? "");
  return troubles.includes("reset-required") || asksForReset || asksForRecovery ? "reset-required" : "ok";
}
