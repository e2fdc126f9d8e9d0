import type { Clock } from "../lib/clock.ts";
import { type Millis, millis } from "../units/time.ts";
import { tokensPerSecond } from "../units/work.ts";
import type { MeterBook } from "./meter-book.ts";
import type { RateBook } from "./rates.ts";
import type { Gate } from "./request-queue.ts";
import type { ServedRates } from "./served-rates.ts";

export interface GateParts {
  readonly clock: Clock;
  readonly meter: Pick<MeterBook, "beginRequest" | "endRequest">;
  readonly rates: Pick<RateBook, "observeTokens">;
  readonly served?: ServedRates;
}

/** Meters each request, and learns the engine's speed from the tokens it made. */
export function createGate(engine: string, slots: number, { meter, clock, rates, served }: GateParts): Gate {
  const began = new Map<string, Millis>();
  return {
    engine,
    slots,
    begin: async (jobId) => {
      await meter.beginRequest(jobId);
      began.set(jobId, clock.monotonic());
      served?.begin(jobId);
    },
    end: async (jobId, tokensOut) => {
      const start = began.get(jobId);
      began.delete(jobId);
      const length = start === undefined ? millis(0) : millis(clock.monotonic() - start);
      if (tokensOut !== undefined && tokensOut > 1 && length > 0)
        rates.observeTokens(tokensPerSecond((tokensOut * 1000) / length));
      served?.end(jobId, tokensOut);
      await meter.endRequest(jobId);
    },
  };
}
