import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { toErrorBody } from "./refusal.ts";
import type { StaticFile } from "./static-files.ts";

const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

function sendFile(request: FastifyRequest, reply: FastifyReply, file: StaticFile): FastifyReply {
  reply.headers({ etag: file.etag, "cache-control": file.cacheControl, "content-security-policy": PAGE_CSP });
  if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
  return reply.type(file.contentType).send(file.body);
}

const NOT_BUILT = toErrorBody(
  {
    status: 503,
    code: "ERR_HTTP_PAGE_NOT_BUILT",
    message: "the status page is not built",
    mend: "run `node scripts/build-web.ts`, then restart the agent",
  },
  "page",
);

/** One exact route per built file, and a plain word at `/` when there are none. */
export function addPageRoutes(app: FastifyInstance, files: ReadonlyMap<string, StaticFile>): void {
  for (const [path, file] of files) app.get(path, (request, reply) => sendFile(request, reply, file));
  if (!files.has("/")) app.get("/", (_request, reply) => reply.code(503).send(NOT_BUILT));
}
