import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { toOpenApi } from "../api/openapi.ts";
import type { RigPort } from "../api/rig-port.ts";
import { curtailRequestSchema, modeRequestSchema } from "../api/schema.ts";
import type { HealthView } from "../api/shapes.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { addBench } from "./bench-route.ts";
import { toBuckets } from "./energy-buckets.ts";
import { type EventStream, parseLastEventId } from "./events.ts";
import { describeIssues, parseEnergyQuery, parseJobsQuery, parseListQuery, parseNoQuery } from "./query.ts";
import { type Checked, type Refusal, toErrorBody } from "./refusal.ts";

export interface ApiParts {
  readonly rig: RigPort;
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventStream;
}

const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const refuse = (reply: FastifyReply, refusal: Refusal): FastifyReply =>
  reply
    .code(refusal.status)
    .headers(refusal.headers ?? {})
    .send(toErrorBody(refusal, "api"));

/** A GET route whose query is checked before `answer` sees it. */
function addRead<Q>(
  app: FastifyInstance,
  path: string,
  parse: (query: unknown) => Checked<Q>,
  answer: (query: Q) => unknown,
): void {
  app.get(path, (request, reply) => {
    const checked = parse(request.query);
    return checked.kind === "refused" ? refuse(reply, checked.refusal) : reply.send(answer(checked.value));
  });
}

function addHealth(app: FastifyInstance, { rig, instance }: ApiParts): void {
  app.get("/healthz", (_request, reply) => reply.send({ status: "ok", instance } satisfies HealthView));
  app.get("/readyz", (_request, reply) => {
    const view = rig.ready();
    return reply.code(view.ready ? 200 : 503).send(view);
  });
  app.get("/metrics", (_request, reply) => reply.type(OPEN_METRICS).send(rig.metrics()));
}

function addReads(app: FastifyInstance, { rig, clock }: ApiParts): void {
  addRead(app, "/mmpos", parseNoQuery, () => rig.mmpos());
  addRead(app, "/hiveos", parseNoQuery, () => rig.hiveos());
  addRead(app, "/api/v1/openapi.json", parseNoQuery, () => toOpenApi(rig.rig().version));
  addRead(app, "/api/v1/rig", parseNoQuery, () => rig.rig());
  addRead(app, "/api/v1/gpus", parseNoQuery, () => rig.rig().gpus);
  addRead(app, "/api/v1/valuations", parseNoQuery, () => rig.valuations());
  addRead(app, "/api/v1/decisions", parseListQuery, ({ limit }) => rig.decisions(limit));
  addRead(app, "/api/v1/transitions", parseListQuery, ({ limit }) => rig.transitions(limit));
  addRead(app, "/api/v1/jobs", parseJobsQuery, (query) => rig.jobs(query));
  addRead(
    app,
    "/api/v1/energy",
    (query) => parseEnergyQuery(query, clock.now()),
    ({ fromMs, toMs, bucket }) => toBuckets(rig.energySlots({ fromMs, toMs }), bucket),
  );
}

const TOO_MANY_READERS: Refusal = {
  status: 503,
  code: "ERR_HTTP_TOO_MANY_READERS",
  message: "too many programs follow the events already",
  mend: "close a page or a watcher, then try again",
  headers: { "retry-after": "5" },
};

async function stream(request: FastifyRequest, reply: FastifyReply, { events, logger }: ApiParts): Promise<void> {
  reply.hijack();
  const out = reply.raw;
  try {
    out.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream; charset=utf-8",
      "x-accel-buffering": "no",
    });
    await events.serve(out, parseLastEventId(request.headers["last-event-id"]));
  } catch (error) {
    logger.error("event stream failed", { error: error instanceof Error ? error.message : String(error) });
    out.destroy();
  }
}

function addEvents(app: FastifyInstance, parts: ApiParts): void {
  app.get("/api/v1/events", { exposeHeadRoute: false }, (request, reply) =>
    parts.events.isFull() ? refuse(reply, TOO_MANY_READERS) : stream(request, reply, parts),
  );
}

function addMode(app: FastifyInstance, { rig, logger }: ApiParts): void {
  app.post("/api/v1/mode", (request, reply) => {
    const result = modeRequestSchema.safeParse(request.body);
    if (!result.success) {
      const { message, param } = describeIssues(result.error, request.body);
      const mend = "see ModeRequest in /api/v1/openapi.json";
      return refuse(reply, { status: 400, code: "ERR_HTTP_INVALID_BODY", message, mend, ...(param && { param }) });
    }
    const view = rig.setMode(result.data);
    logger.info("mode set over http", { mode: view.mode, gpu: view.gpu, untilMs: view.untilMs });
    return reply.send(view);
  });
}

function addCurtail(app: FastifyInstance, { rig, logger }: ApiParts): void {
  app.post("/api/v1/curtail", (request, reply) => {
    const result = curtailRequestSchema.safeParse(request.body);
    if (!result.success) {
      const { message, param } = describeIssues(result.error, request.body);
      const mend = "see CurtailRequest in /api/v1/openapi.json";
      return refuse(reply, { status: 400, code: "ERR_HTTP_INVALID_BODY", message, mend, ...(param && { param }) });
    }
    const view = rig.curtail(result.data);
    logger.info("power limit set over http", { maxW: view.maxW, untilMs: view.untilMs });
    return reply.send(view);
  });
}

/** Everything but the page's files and the OpenAI routes. */
export function addApiRoutes(app: FastifyInstance, parts: ApiParts): void {
  addHealth(app, parts);
  addReads(app, parts);
  addEvents(app, parts);
  addMode(app, parts);
  addCurtail(app, parts);
  addBench(app, { ...parts, refuse });
}
