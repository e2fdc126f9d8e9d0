import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import { type Announcement, LONGEST_ANNOUNCEMENT, parseContainerAnnouncement } from "../announcement.ts";
import type { RunningWork } from "../driver.ts";
import { type Containers, type Found, parsed } from "./containers.ts";
import { socketFileOf, socketVolume } from "./create-body.ts";
import type { Engine } from "./engine.ts";
import type { ContainerSpec } from "./part-schema.ts";
import { connectWorkSocket, openRelay, type Relay } from "./relay.ts";
import { demultiplex, forEachLine } from "./text-streams.ts";

/** Where started work answers, and the relay to it where it has a socket; whoever gets it closes the relay. */
export type Reached =
  | {
      readonly kind: "reached";
      readonly found: Found;
      readonly where: Pick<RunningWork, "host" | "port" | "facts">;
      readonly relay: Relay | undefined;
    }
  | { readonly kind: "ended"; readonly found: Found | undefined }
  | { readonly kind: "late"; readonly code: LateCode; readonly reason: string };

type LateCode = "ERR_WORK_START_TIMEOUT" | "ERR_WORK_ANNOUNCEMENT";

export interface ReadinessParts {
  readonly engine: Engine;
  readonly containers: Containers;
  readonly clock: Clock;
  readonly rig: string;
}

const FIRST_POLL = millis(20);
const LAST_POLL = millis(250);
const CONNECT_TIMEOUT = seconds(1);
/** Between the program's start and the Engine's note of it. */
const EARLY_LINES_MS = 1000;

/** Waits until the work is ready as its spec says; throws only faults of the Engine and the abort. */
export async function awaitReady(spec: ContainerSpec, parts: ReadinessParts, signal: AbortSignal): Promise<Reached> {
  const { clock, containers } = parts;
  const end = clock.monotonic() + spec.startTimeout;
  const found = await containers.find(spec.name, signal);
  if (found?.state !== "running") return { kind: "ended", found };
  let announcement: Announcement | undefined;
  if (spec.container.ready.kind === "announced") {
    announcement = await hear(found, parts, spec.startTimeout, signal);
    if (announcement?.kind !== "announced") return await unheard(spec, parts, announcement, signal);
  }
  const open = await wayTo(spec, parts, signal);
  for (let pause: number = FIRST_POLL; ; pause = Math.min(LAST_POLL, pause * 1.5)) {
    const now = await containers.find(spec.name, signal);
    if (now?.state !== "running") return { kind: "ended", found: now };
    const why = await notYet(spec, now, open);
    if (why === undefined) return await reach(spec, now, open, announcement);
    const left = end - clock.monotonic();
    if (left <= 0) return late(spec, why);
    await clock.wait(millis(Math.min(pause, left)), signal);
    signal.throwIfAborted();
  }
}

const late = ({ startTimeout }: ContainerSpec, why: string): Reached => ({
  kind: "late",
  code: "ERR_WORK_START_TIMEOUT",
  reason: `it was not ready within ${startTimeout / 1000} s: ${why}`,
});

async function unheard(
  spec: ContainerSpec,
  { containers }: ReadinessParts,
  announcement: Announcement | undefined,
  signal: AbortSignal,
): Promise<Reached> {
  const found = await containers.find(spec.name, signal);
  if (found?.state !== "running") return { kind: "ended", found };
  if (announcement?.kind !== "garbage") return late(spec, "it did not announce itself");
  return { kind: "late", code: "ERR_WORK_ANNOUNCEMENT", reason: announcement.reason };
}

/** The work's announcement of this run, else the first other line, else undefined when it wrote none in time. */
async function hear(found: Found, { engine, clock }: ReadinessParts, within: Millis, signal: AbortSignal) {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const news = Promise.withResolvers<void>();
  let heard: Announcement | undefined;
  try {
    const { stream, close } = await engine.open("tell a container's log", stop, (docker, abortSignal) => {
      const since = sinceStart(found) as unknown as number;
      return docker.getContainer(found.id).logs({ follow: true, stdout: true, stderr: false, since, abortSignal });
    });
    void forEachLine(demultiplex(stream).stdout, LONGEST_ANNOUNCEMENT, (line) => {
      if (heard?.kind === "announced") return;
      const announcement = parseContainerAnnouncement(line);
      if (announcement.kind === "announced") news.resolve();
      if (announcement.kind === "announced" || heard === undefined) heard = announcement;
    }).then(news.resolve);
    await Promise.race([news.promise, clock.wait(within, stop)]);
    close();
    signal.throwIfAborted();
    return heard;
  } finally {
    over.abort();
  }
}

/** In the Engine's form, seconds with a fraction; a container that starts again keeps the log of its earlier runs. */
const sinceStart = ({ startedAt }: Found): string => ((Date.parse(startedAt) - EARLY_LINES_MS) / 1000).toFixed(3);

type Open = (found: Found) => Socket;

/** How to connect to the work; undefined for work that answers nowhere. */
async function wayTo(spec: ContainerSpec, parts: ReadinessParts, signal: AbortSignal): Promise<Open | undefined> {
  const { ready } = spec.container;
  const file = socketFileOf(ready);
  if (file !== undefined) {
    const path = join(await mountpoint(socketVolume(parts.rig, spec.name), parts.engine, signal), file);
    return () => connectWorkSocket(path);
  }
  return ready.kind === "port" ? ({ address = "" }) => connect({ host: address, port: ready.port }) : undefined;
}

const volumeSchema = z.looseObject({ Mountpoint: z.string().startsWith("/").max(4096) });

async function mountpoint(volume: string, engine: Engine, signal: AbortSignal): Promise<string> {
  const answer = await engine.read("describe a volume", signal, (docker, abortSignal) =>
    docker.getVolume(volume).inspect({ abortSignal }),
  );
  return parsed(volumeSchema, answer).Mountpoint;
}

/** Why the work is not ready yet; undefined once it is. */
async function notYet(spec: ContainerSpec, found: Found, open: Open | undefined): Promise<string | undefined> {
  if (spec.container.ready.kind === "healthy")
    return found.health === "healthy" ? undefined : `its health is ${found.health ?? "not checked by its image"}`;
  return open === undefined ? undefined : await connectOnce(() => open(found));
}

/** Undefined once a connection was accepted, else why it was not. */
function connectOnce(open: () => Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    try {
      const socket = open();
      const done = (why: string | undefined) => {
        socket.destroy();
        resolve(why);
      };
      socket.setTimeout(CONNECT_TIMEOUT, () => done("it does not accept connections"));
      socket.once("connect", () => done(undefined)).on("error", (error) => done(messageOf(error)));
    } catch (error) {
      resolve(messageOf(error));
    }
  });
}

/** Work with a socket is reached through a port of loopback that leads to nothing else. */
async function reach(
  { container: { ready } }: ContainerSpec,
  found: Found,
  open: Open | undefined,
  announcement: Announcement | undefined,
): Promise<Reached> {
  const said = announcement?.kind === "announced" ? announcement.where : undefined;
  const facts = said?.facts ?? {};
  if (socketFileOf(ready) === undefined || open === undefined) {
    const port = ready.kind === "port" ? ready.port : (said?.port ?? 0);
    return { kind: "reached", found, relay: undefined, where: { host: found.address ?? "", port, facts } };
  }
  const relay = await openRelay({ listen: { host: "127.0.0.1", port: 0 }, open: () => open(found) });
  return { kind: "reached", found, relay, where: { host: relay.host, port: relay.port, facts } };
}
