import { z } from "zod";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { seconds } from "../../units/time.ts";
import { callWithSignal, type Engine } from "./engine.ts";
import { LABEL } from "./labels.ts";
import { forEachLine } from "./text-streams.ts";

/** What the Engine tells of one of our containers. */
export interface ContainerEvent {
  readonly kind: "ended" | "out-of-memory" | "unhealthy";
  readonly container: string;
}

export interface EventParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rig: string;
  readonly onEvent: (event: ContainerEvent) => void;
  /** After every (re)connection: whatever happened before was missed and has to be looked up. */
  readonly onConnected: () => void;
}

const HEARTBEAT = seconds(10);
const FIRST_RETRY = seconds(0.25);
const LAST_RETRY = seconds(10);
const LONGEST_LINE = 65_536;

const schema = z.looseObject({
  Action: z.string().max(128),
  Actor: z.looseObject({ ID: z.string().max(128) }),
});

/** Follows the Engine's events until `signal` fires, however often the Engine goes away and comes back. */
export async function followEvents(parts: EventParts, signal: AbortSignal): Promise<void> {
  const { clock, logger } = parts;
  const backoff = createBackoff(FIRST_RETRY, LAST_RETRY);
  let isAway = false;
  while (!signal.aborted) {
    const reason = await follow(parts, signal, () => {
      if (isAway) logger.info("the Docker Engine is back");
      isAway = false;
      backoff.reset();
    });
    if (signal.aborted) return;
    if (!isAway) logger.warn("the Docker Engine is away; its containers are left as they are", { reason });
    isAway = true;
    await clock.wait(backoff.next(), signal);
  }
}

/** One connection's life; returns why it ended. */
async function follow(parts: EventParts, signal: AbortSignal, onOpen: () => void): Promise<string> {
  const { engine, rig, onConnected } = parts;
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  try {
    const { stream, close } = await engine.open("tell its events", both, (docker, abortSignal) =>
      docker.getEvents({
        filters: {
          type: ["container"],
          label: [`${LABEL.rig}=${rig}`],
          event: ["die", "oom", "health_status"],
        },
        abortSignal,
      }),
    );
    onOpen();
    onConnected();
    const lines = forEachLine(stream, LONGEST_LINE, (line) => tell(parts, line));
    const reason = await Promise.race([lines.then(() => "its events ended"), missedHeartbeat(parts, both)]);
    close();
    return reason;
  } catch (error) {
    return messageOf(error);
  } finally {
    ended.abort();
  }
}

/** An Engine that hangs keeps its connections, so it is asked now and then. */
async function missedHeartbeat({ engine, clock }: EventParts, signal: AbortSignal): Promise<string> {
  for (;;) {
    await clock.wait(HEARTBEAT, signal);
    if (signal.aborted) return "stopped";
    try {
      await engine.read("answer", signal, (docker, abortSignal) => callWithSignal(docker, docker.ping, abortSignal));
    } catch (error) {
      return messageOf(error);
    }
  }
}

function tell({ onEvent }: EventParts, line: string): void {
  const event = parseEvent(line);
  if (event !== undefined) onEvent(event);
}

/** Reads one line of the events; undefined for what is of no concern. */
function parseEvent(line: string): ContainerEvent | undefined {
  try {
    const { Action, Actor } = schema.parse(JSON.parse(line));
    if (Action === "die") return { kind: "ended", container: Actor.ID };
    if (Action === "oom") return { kind: "out-of-memory", container: Actor.ID };
    if (Action.startsWith("health_status") && Action.includes("unhealthy"))
      return { kind: "unhealthy", container: Actor.ID };
    return undefined;
  } catch {
    // Nonsense is no event; the next look at the containers finds what it may have meant.
    return undefined;
  }
}
