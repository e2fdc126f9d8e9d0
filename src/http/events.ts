import type { ServerResponse } from "node:http";
import type { RecordedEvent, RigPort } from "../api/rig-port.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { type Millis, seconds } from "../units/time.ts";
import { goneSignal, writeTo } from "./flow.ts";

export interface StreamLimits {
  readonly maxReaders: number;
  /** How long a reader may take nothing before it is dropped. */
  readonly patience: Millis;
  /** How many events a reader may fall behind before it is dropped. */
  readonly maxBehind: number;
  readonly heartbeat: Millis;
}

export const STREAM_LIMITS: StreamLimits = {
  maxReaders: 32,
  patience: seconds(10),
  maxBehind: 1000,
  heartbeat: seconds(15),
};

export interface EventStreamParts {
  readonly rig: RigPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: StreamLimits;
}

/** Sends the rig's events to every open reader. Owns the readers' connections until `close`. */
export interface EventStream {
  readonly isFull: () => boolean;
  /** Takes over `out`, whose head is not sent yet; resolves when the reader is gone. */
  serve(out: ServerResponse, lastEventId: number | undefined): Promise<void>;
  close(): void;
}

interface Reader {
  readonly out: ServerResponse;
  /** Id of the last event written. */
  cursor: number;
  behind: number;
  /** Wakes the reader's loop. */
  ring: () => void;
}

const frame = (id: number, type: string, event: unknown): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`;

const newestId = (rig: RigPort): number => rig.eventsAfter(0).at(-1)?.id ?? 0;

/** The id of a `Last-Event-ID` header; anything but a whole number counts as absent. */
export function parseLastEventId(header: string | readonly string[] | undefined): number | undefined {
  return typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** Each reader pulls from the rig's own memory, so a slow one costs a cursor and never a queue. */
export function createEventStream({ rig, clock, logger, limits }: EventStreamParts): EventStream {
  const readers = new Set<Reader>();
  const closing = new AbortController();
  const frames = new WeakMap<RecordedEvent, string>();
  const flow = { patience: limits.patience, clock };
  let unsubscribe: (() => void) | undefined;

  const frameOf = (recorded: RecordedEvent): string => {
    const known = frames.get(recorded);
    if (known !== undefined) return known;
    const made = frame(recorded.id, recorded.event.type, recorded.event);
    frames.set(recorded, made);
    return made;
  };

  const onEvent = ({ id }: RecordedEvent) => {
    for (const reader of readers) {
      // Ids begin anew with the agent's memory: a cursor from before would wait for ever.
      if (id <= reader.cursor) reader.cursor = id - 1;
      reader.behind += 1;
      if (reader.behind > limits.maxBehind) reader.out.destroy();
      reader.ring();
    }
  };

  const sendPending = async (reader: Reader): Promise<boolean> => {
    for (const recorded of rig.eventsAfter(reader.cursor)) {
      if (!(await writeTo(reader.out, frameOf(recorded), flow))) return false;
      reader.cursor = recorded.id;
    }
    return true;
  };

  const pump = async (reader: Reader, gone: AbortSignal): Promise<void> => {
    while (!gone.aborted && !closing.signal.aborted) {
      const bell = new AbortController();
      reader.ring = () => bell.abort();
      const { behind } = reader;
      if (!(await sendPending(reader))) return;
      reader.behind -= behind;
      await clock.wait(limits.heartbeat, bell.signal);
      if (!bell.signal.aborted && !(await writeTo(reader.out, ": alive\n\n", flow))) return;
    }
  };

  const begin = (out: ServerResponse, lastEventId: number | undefined): Reader => {
    const newest = newestId(rig);
    const cursor = lastEventId === undefined || lastEventId > newest ? newest : lastEventId;
    out.write("retry: 2000\n\n");
    // A reader that resumes gets what it missed; any other one starts from the state of now.
    if (cursor !== lastEventId) out.write(frame(newest, "rig", { type: "rig", rig: rig.rig() }));
    return { out, cursor, behind: 0, ring: () => {} };
  };

  const enter = (reader: Reader, gone: AbortSignal) => {
    readers.add(reader);
    gone.addEventListener("abort", () => reader.ring());
    unsubscribe ??= rig.onEvent(onEvent);
  };

  const leave = (reader: Reader) => {
    readers.delete(reader);
    if (readers.size > 0) return;
    unsubscribe?.();
    unsubscribe = undefined;
  };

  return {
    isFull: () => readers.size >= limits.maxReaders,
    serve: async (out, lastEventId) => {
      const gone = goneSignal(out);
      const reader = begin(out, lastEventId);
      enter(reader, gone);
      try {
        await pump(reader, gone);
        if (out.destroyed && !closing.signal.aborted) logger.debug("event reader gone", { readers: readers.size - 1 });
      } finally {
        leave(reader);
        out.end();
      }
    },
    close: () => {
      closing.abort();
      for (const reader of readers) reader.ring();
    },
  };
}
