import { request } from "node:http";

interface Asked {
  readonly path: string;
  /** Sent as the Host header, whatever is connected to. */
  readonly host?: string;
  readonly body?: unknown;
}

/** One HTTP exchange over a socket file, or over TCP with a Host header that fetch would not send. */
export function ask(
  where: string | { readonly host: string; readonly port: number },
  { path, host = "localhost", body }: Asked,
): Promise<{ readonly status: number; readonly text: string }> {
  const to = typeof where === "string" ? { socketPath: where } : where;
  const headers = { host, "content-type": "application/json" };
  const method = body === undefined ? "GET" : "POST";
  return new Promise((resolve, reject) => {
    request({ ...to, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    })
      .on("error", reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}
