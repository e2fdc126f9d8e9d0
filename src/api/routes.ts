/** Whose error shape a route answers with, and which rules guard it. */
export type RouteFamily = "page" | "api" | "openai";

export interface ApiRoute {
  readonly method: "get" | "post";
  readonly path: string;
  readonly family: RouteFamily;
  readonly summary: string;
}

/** Every route of the agent but the page's own files; the server and `openapi.json` are both checked against it. */
export const API_ROUTES: readonly ApiRoute[] = [
  { method: "get", path: "/healthz", family: "api", summary: "The process is alive." },
  {
    method: "get",
    path: "/readyz",
    family: "api",
    summary: "Ledger, GPUs and engine answer; 503 with reasons if not.",
  },
  { method: "get", path: "/metrics", family: "api", summary: "OpenMetrics text." },
  { method: "get", path: "/mmpos", family: "api", summary: "The rig as mmpOS reads it." },
  { method: "get", path: "/hiveos", family: "api", summary: "The rig as Hive OS reads it." },
  { method: "get", path: "/api/v1/openapi.json", family: "api", summary: "This description." },
  { method: "get", path: "/api/v1/rig", family: "api", summary: "The rig now." },
  { method: "get", path: "/api/v1/gpus", family: "api", summary: "The rig's GPUs now." },
  { method: "get", path: "/api/v1/valuations", family: "api", summary: "What each workload would pay on each GPU." },
  { method: "get", path: "/api/v1/decisions", family: "api", summary: "The newest decisions, newest first." },
  { method: "get", path: "/api/v1/jobs", family: "api", summary: "The newest jobs, newest first." },
  { method: "get", path: "/api/v1/transitions", family: "api", summary: "The newest handovers, newest first." },
  { method: "get", path: "/api/v1/energy", family: "api", summary: "Where the joules went, per GPU and bucket." },
  { method: "get", path: "/api/v1/events", family: "api", summary: "Server-sent events, resumable by Last-Event-ID." },
  { method: "post", path: "/api/v1/mode", family: "api", summary: "Override the operator mode." },
  { method: "post", path: "/api/v1/curtail", family: "api", summary: "Keep the rig under so many watts for a while." },
  {
    method: "post",
    path: "/api/v1/bench",
    family: "api",
    summary: "Measure one GPU for as long as the answer is read.",
  },
  { method: "get", path: "/v1/models", family: "openai", summary: "The models on offer." },
  { method: "post", path: "/v1/chat/completions", family: "openai", summary: "Chat completion, whole or streamed." },
  { method: "post", path: "/v1/completions", family: "openai", summary: "Text completion, whole or streamed." },
  { method: "post", path: "/v1/embeddings", family: "openai", summary: "Embeddings." },
];

/** The widths `/api/v1/energy` can add slots up to. */
export const ENERGY_BUCKETS = ["15m", "1h", "1d"] as const;
export type EnergyBucket = (typeof ENERGY_BUCKETS)[number];

export const DEFAULT_LIST_LIMIT = 50;
export const GREATEST_LIST_LIMIT = 1000;
