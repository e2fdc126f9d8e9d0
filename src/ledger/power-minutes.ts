import type { MilliJoules, Watts } from "../units/energy.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable } from "./connection.ts";
import type { GpuUuid } from "./rows.ts";

/** What one source used within one minute, and how much of the minute was seen. `host`: the processor. */
export interface PowerMinute {
  readonly minute: UnixMs;
  readonly source: GpuUuid | "wall" | "host";
  readonly energy: MilliJoules;
  readonly covered: Millis;
}

/** The mean power of all GPUs, of the wall, and of the processor where it was seen, within the same minute. */
export interface WallPoint {
  readonly minute: UnixMs;
  readonly gpus: Watts;
  readonly wall: Watts;
  readonly host: Watts | undefined;
}

export interface PowerMinuteReads {
  /** Minutes since `from` in which the wall and `gpus` GPUs were seen almost whole, oldest first. */
  wallPoints(from: UnixMs, gpus: number): readonly WallPoint[];
}

/** Minute means for the fit of the wall model; kept for days, not for ever. */
export interface PowerMinutes extends PowerMinuteReads {
  add(minute: PowerMinute): void;
  /** Deletes what is older; returns how many rows. */
  prune(before: UnixMs): number;
}

const ADD = `
INSERT INTO power_minutes (minute_ms, source, energy_mj, covered_ms) VALUES (@minute, @source, @energy, @covered)
ON CONFLICT (minute_ms, source) DO UPDATE SET energy_mj = energy_mj + @energy, covered_ms = covered_ms + @covered`;
/** A minute with at least 50 s of it seen; each source by its own coverage. */
const WALL_POINTS = `
SELECT w.minute_ms AS minute, sum(g.energy_mj * 1.0 / g.covered_ms) AS gpus, w.energy_mj * 1.0 / w.covered_ms AS wall,
  h.energy_mj * 1.0 / h.covered_ms AS host
FROM power_minutes w
JOIN power_minutes g ON g.minute_ms = w.minute_ms AND g.source NOT IN ('wall', 'host') AND g.covered_ms >= 50000
LEFT JOIN power_minutes h ON h.minute_ms = w.minute_ms AND h.source = 'host' AND h.covered_ms >= 50000
WHERE w.source = 'wall' AND w.covered_ms >= 50000 AND w.minute_ms >= @from
GROUP BY w.minute_ms HAVING count(*) = @gpus ORDER BY w.minute_ms`;

export function createPowerMinutes(connection: Connection): PowerMinutes {
  const add = connection.prepare(ADD);
  const wallPoints = connection.prepare<Nullable<WallPoint>>(WALL_POINTS);
  const prune = connection.prepare("DELETE FROM power_minutes WHERE minute_ms < @before");
  return {
    add: (minute) => void add.run({ ...minute }),
    wallPoints: (from, gpus) => wallPoints.all({ from, gpus }).map((row) => fromRow<WallPoint>(row)),
    prune: (before) => prune.run({ before }).changes,
  };
}
