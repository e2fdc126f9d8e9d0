import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";

const digestOf = (content: Buffer | string): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** A tar archive of one small file. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0".padEnd(8, "0"), 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\0", 257);
  header.write("00", 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(((512 - (content.length % 512)) % 512) + 1024)]);
}

/** A registry on loopback that holds one image of two layers, and can be told to hand out other bytes for one. */
export class Registry implements AsyncDisposable {
  readonly #server: Server;
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifest: string;
  readonly #layers: readonly string[];

  private constructor(server: Server, content: Buffer) {
    this.#server = server;
    const tars = [tarOf("first", content), tarOf("second", Buffer.from("second"))];
    const config = JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["/first"] },
      rootfs: { type: "layers", diff_ids: tars.map(digestOf) },
      history: tars.map(() => ({ created: "1970-01-01T00:00:00Z" })),
    });
    const layers = tars.map((tar) => this.#keep(gzipSync(tar), LAYER));
    this.#layers = layers.map(({ digest }) => digest);
    this.#manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: this.#keep(Buffer.from(config), CONFIG),
      layers,
    });
  }

  static async start(content: Buffer): Promise<Registry> {
    const server = createServer();
    const registry = new Registry(server, content);
    server.on("request", (request, response) => {
      const found = registry.#find(request.url ?? "");
      if (found === undefined) return void response.writeHead(404).end();
      const { body, type } = found;
      response.writeHead(200, {
        "content-type": type,
        "content-length": body.length,
        "docker-content-digest": digestOf(body),
        "docker-distribution-api-version": "registry/2.0",
      });
      response.end(request.method === "HEAD" ? undefined : body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  /** The image, by the digest of its manifest. */
  get image(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.0.0.1:${port}/test/image@${digestOf(this.#manifest)}`;
  }

  /** From now on the first layer's content is another one. */
  tamper(): void {
    this.#blobs.set(this.#layers[0] ?? "", gzipSync(tarOf("first", Buffer.from("evil"))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(body: Buffer, mediaType: string) {
    const digest = digestOf(body);
    this.#blobs.set(digest, body);
    return { mediaType, size: body.length, digest };
  }

  #find(url: string): { readonly body: Buffer; readonly type: string } | undefined {
    if (url === "/v2/") return { body: Buffer.from("{}"), type: "application/json" };
    const [, kind, digest = ""] = /^\/v2\/test\/image\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
    if (kind === "manifests" && digest === digestOf(this.#manifest))
      return { body: Buffer.from(this.#manifest), type: MANIFEST };
    const body = kind === "blobs" ? this.#blobs.get(digest) : undefined;
    return body && { body, type: "application/octet-stream" };
  }
}
