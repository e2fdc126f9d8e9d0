import type { EngineControl } from "./engine-control.ts";
import type { FlightSheets } from "./flight-sheets.ts";
import type { RequestQueue } from "./request-queue.ts";

interface OwnWork {
  readonly mining?: Pick<FlightSheets, "miner">;
  readonly serving?: { readonly engine: EngineControl };
  readonly queue: RequestQueue;
}

/** Whether nothing of ours can put load on the GPU. */
export const isAtRest = ({ mining, serving, queue }: OwnWork): boolean =>
  mining?.miner.isAtWork !== true && serving?.engine.isAtWork !== true && queue.facts().active === 0;

/** Whether neither miner nor engine is up. */
export const isClear = ({ mining, serving }: OwnWork): boolean =>
  mining?.miner.resident !== true && serving?.engine.state.kind !== "ready";
