import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import { type BenchEvent, benchRequestSchema } from "../api/bench.ts";
import type { RigPort } from "../api/rig-port.ts";
import type { Clock } from "../lib/clock.ts";
import { isRigError, messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { seconds } from "../units/time.ts";
import { goneSignal, writeTo } from "./flow.ts";
import { describeIssues } from "./query.ts";
import type { Refusal } from "./refusal.ts";

const PATIENCE = seconds(10);

export interface BenchParts {
  readonly rig: RigPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Answers with a refusal instead. */
  readonly refuse: (reply: FastifyReply, refusal: Refusal) => FastifyReply;
}

const line = (event: BenchEvent): string => `${JSON.stringify(event)}\n`;

/** A benchmark is as long as its answer: a client that goes away ends it, and what it tried is taken back. */
export function addBench(app: FastifyInstance, { rig, clock, logger, refuse }: BenchParts): void {
  app.post("/api/v1/bench", async (request, reply) => {
    const result = benchRequestSchema.safeParse(request.body);
    if (!result.success) {
      const { message, param } = describeIssues(result.error, request.body);
      const mend = "see BenchRequest in /api/v1/openapi.json";
      return refuse(reply, { status: 400, code: "ERR_HTTP_INVALID_BODY", message, mend, ...(param && { param }) });
    }
    const gone = goneSignal(reply.raw);
    const events = rig.bench(result.data, gone);
    // What is refused at once is refused as any order is; a fault on the way stands in the answer's last line.
    const first = await events.next();
    logger.info("benchmark over http", { gpu: result.data.gpu, workload: result.data.workload });
    reply.hijack();
    const out = reply.raw;
    out.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "application/x-ndjson; charset=utf-8",
    });
    await send(out, first, events, clock);
    return reply;
  });
}

async function send(
  out: ServerResponse,
  first: IteratorResult<BenchEvent, void>,
  events: AsyncGenerator<BenchEvent, void>,
  clock: Clock,
): Promise<void> {
  try {
    for (let next = first; !next.done; next = await events.next())
      if (!(await writeTo(out, line(next.value), { patience: PATIENCE, clock }))) return;
  } catch (error) {
    const { code, mend } = isRigError(error) ? error.facts : { code: "ERR_HTTP_INTERNAL", mend: undefined };
    out.write(line({ type: "fault", code, message: messageOf(error), mend: mend ?? null }));
  } finally {
    await events.return();
    out.end();
  }
}
