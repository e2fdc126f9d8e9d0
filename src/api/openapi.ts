import { z } from "zod";
import { benchEventSchema, benchPointSchema, benchRequestSchema } from "./bench.ts";
import { hiveSchema } from "./hiveos.ts";
import { mmposSchema } from "./mmpos.ts";
import { API_ROUTES, type ApiRoute, DEFAULT_LIST_LIMIT, ENERGY_BUCKETS, GREATEST_LIST_LIMIT } from "./routes.ts";
import {
  curtailRequestSchema,
  curtailViewSchema,
  decisionSchema,
  energySlotSchema,
  engineSchema,
  errorSchema,
  gpuSchema,
  healthSchema,
  jobSchema,
  modeRequestSchema,
  modeViewSchema,
  openAiErrorSchema,
  poolSchema,
  readySchema,
  rigSchema,
  servedRateSchema,
  switchCostSchema,
  todaySchema,
  transitionSchema,
  valuationSchema,
  wouldHaveDaySchema,
} from "./schema.ts";

type Json = { readonly [key: string]: unknown };

const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  Rig: rigSchema,
  Engine: engineSchema,
  Pool: poolSchema,
  Today: todaySchema,
  WouldHaveDay: wouldHaveDaySchema,
  Gpu: gpuSchema,
  Valuation: valuationSchema,
  Decision: decisionSchema,
  Job: jobSchema,
  Transition: transitionSchema,
  EnergySlot: energySlotSchema,
  ModeRequest: modeRequestSchema,
  Mode: modeViewSchema,
  CurtailRequest: curtailRequestSchema,
  Curtail: curtailViewSchema,
  SwitchCost: switchCostSchema,
  ServedRate: servedRateSchema,
  BenchRequest: benchRequestSchema,
  BenchPoint: benchPointSchema,
  BenchEvent: benchEventSchema,
  Health: healthSchema,
  Ready: readySchema,
  HiveOs: hiveSchema,
  MmpOs: mmposSchema,
  Error: errorSchema,
  OpenAiError: openAiErrorSchema,
};

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ "application/json": { schema } });
const listOf = (name: string): Json => json({ type: "array", items: ref(name) });
const query = (name: string, description: string, schema: Json): Json => ({ name, in: "query", description, schema });

const LIMIT = query("limit", "How many rows at most.", {
  type: "integer",
  minimum: 1,
  maximum: GREATEST_LIST_LIMIT,
  default: DEFAULT_LIST_LIMIT,
});
const INSTANT: Json = { oneOf: [{ type: "integer" }, { type: "string", format: "date-time" }] };

const CONTENT: Readonly<Record<string, Json>> = {
  "/healthz": json(ref("Health")),
  "/readyz": json(ref("Ready")),
  "/metrics": { "application/openmetrics-text": { schema: { type: "string" } } },
  "/mmpos": json(ref("MmpOs")),
  "/hiveos": json(ref("HiveOs")),
  "/api/v1/openapi.json": json({ type: "object" }),
  "/api/v1/rig": json(ref("Rig")),
  "/api/v1/gpus": listOf("Gpu"),
  "/api/v1/valuations": listOf("Valuation"),
  "/api/v1/decisions": listOf("Decision"),
  "/api/v1/jobs": listOf("Job"),
  "/api/v1/transitions": listOf("Transition"),
  "/api/v1/energy": listOf("EnergySlot"),
  "/api/v1/events": { "text/event-stream": { schema: { type: "string" } } },
  "/api/v1/mode": json(ref("Mode")),
  "/api/v1/curtail": json(ref("Curtail")),
  "/api/v1/bench": { "application/x-ndjson": { schema: ref("BenchEvent") } },
};

const PARAMETERS: Readonly<Record<string, readonly Json[]>> = {
  "/api/v1/decisions": [LIMIT],
  "/api/v1/transitions": [LIMIT],
  "/api/v1/jobs": [
    LIMIT,
    query("before", "Only jobs that started before this time (Unix ms): the next page.", { type: "integer" }),
  ],
  "/api/v1/energy": [
    query("from", "Unix ms or RFC 3339; a day before `to` when absent.", INSTANT),
    query("to", "Unix ms or RFC 3339; now when absent.", INSTANT),
    query("bucket", "Width of one row, UTC.", { type: "string", enum: ENERGY_BUCKETS, default: "15m" }),
  ],
  "/api/v1/events": [
    {
      name: "Last-Event-ID",
      in: "header",
      description: "Resume after this event; 0 asks for every event still in memory.",
      schema: { type: "integer", minimum: 0 },
    },
  ],
};

/** The loose body of OpenAI's routes: their own reference says more than a copy here could. */
const OPENAI_BODY: Json = json({ type: "object", required: ["model"], additionalProperties: true });

/** What changes the rig, and the body it takes; always with the token. */
const ORDERS: Readonly<Record<string, string>> = {
  "/api/v1/mode": "ModeRequest",
  "/api/v1/curtail": "CurtailRequest",
  "/api/v1/bench": "BenchRequest",
};

/** Without customer keys the OpenAI routes are open on loopback; with them, nothing else opens them. */
const securityOf = ({ path, family }: ApiRoute): readonly Json[] => {
  if (path in ORDERS) return [{ token: [] }];
  return family === "openai" ? [{}, { customerKey: [] }] : [{}, { token: [] }];
};

function toOperation(route: ApiRoute): Json {
  const order = ORDERS[route.path];
  const body = order === undefined ? OPENAI_BODY : json(ref(order));
  const failure = { description: "Refused.", content: json(ref(route.family === "openai" ? "OpenAiError" : "Error")) };
  const success = { description: "OK.", content: CONTENT[route.path] ?? json({ type: "object" }) };
  const isReady = route.path === "/readyz";
  return {
    summary: route.summary,
    tags: [route.family],
    security: securityOf(route),
    ...(PARAMETERS[route.path] && { parameters: PARAMETERS[route.path] }),
    ...(route.method === "post" && { requestBody: { required: true, content: body } }),
    responses: { 200: success, ...(isReady && { 503: { ...success, description: "Not ready." } }), default: failure },
  };
}

function toComponents(): Json {
  const closed: readonly unknown[] = [modeRequestSchema, curtailRequestSchema, benchRequestSchema];
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    // Answers may gain fields without breaking anyone; only what a caller sends is closed.
    override: ({ zodSchema, jsonSchema }) => {
      if (!closed.includes(zodSchema)) delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]),
  );
}

/** The OpenAPI 3.1 description of every route in `API_ROUTES`. */
export function toOpenApi(version: string): Json {
  const paths = Object.fromEntries(API_ROUTES.map((route) => [route.path, { [route.method]: toOperation(route) }]));
  return {
    openapi: "3.1.0",
    info: { title: "Rigshift", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      schemas: toComponents(),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The content of `token` in the data directory." },
        customerKey: { type: "http", scheme: "bearer", description: "One of the keys in `http.customerKeysFile`." },
      },
    },
  };
}
