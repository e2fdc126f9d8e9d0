import type { LookupAddress } from "node:dns";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fetchDocument } from "../../../src/market/fetch/http.ts";
import { millis } from "../../../src/units/time.ts";
import { PriceServer } from "../../support/price-server.ts";

const NEVER = new AbortController().signal;
let server: PriceServer;
beforeEach(async () => {
  server = await PriceServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

const ask = (url: string, privateHosts: readonly string[] = ["127.0.0.1"], extra = {}) =>
  fetchDocument({ url: new URL(url), headers: {} }, { privateHosts, timeout: millis(2000), ...extra }, NEVER);
const code = (wanted: string) => expect.objectContaining({ facts: expect.objectContaining({ code: wanted }) });

describe("a document", () => {
  test("comes with what is needed to ask for changes only", async () => {
    server.says("prices", { etag: '"7"', "last-modified": "Sun, 22 Nov 2026 00:00:00 GMT" });
    expect(await ask(server.url())).toEqual({
      kind: "fetched",
      text: "prices",
      etag: '"7"',
      lastModified: "Sun, 22 Nov 2026 00:00:00 GMT",
    });
  });

  test("that has not changed says so", async () => {
    server.answer = (_question, response) => void response.writeHead(304).end();
    expect(await ask(server.url())).toEqual({ kind: "unchanged" });
  });

  test("that is too large, too slow, or cut off is refused", async () => {
    server.says("x".repeat(9 * 1024 * 1024));
    await expect(ask(server.url())).rejects.toThrow("more than 8388608 bytes");
    server.answer = () => {};
    await expect(ask(server.url(), ["127.0.0.1"], { timeout: millis(50) })).rejects.toThrow("no answer in time");
    server.answer = (_question, response) => {
      response.writeHead(200, { "content-length": "100" }).write("half");
      response.destroy();
    };
    await expect(ask(server.url())).rejects.toThrow(code("ERR_PRICE_UNREACHABLE"));
  });

  test("that drips for ever ends with the deadline", async () => {
    server.answer = (_question, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write("."), 5);
      response.on("close", () => clearInterval(drip));
    };
    await expect(ask(server.url(), ["127.0.0.1"], { timeout: millis(80) })).rejects.toThrow("no answer in time");
  });

  test("refused with a time to wait carries it", async () => {
    server.answer = (_question, response) => void response.writeHead(429, { "retry-after": "120" }).end();
    await expect(ask(server.url())).rejects.toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ retryAfterMs: 120_000 }) }),
    );
  });

  test("is no fault when the agent stops meanwhile", async () => {
    const stop = new AbortController();
    server.answer = () => stop.abort();
    const asking = fetchDocument(
      { url: new URL(server.url()), headers: {} },
      { privateHosts: ["127.0.0.1"] },
      stop.signal,
    );
    await expect(asking).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  });
});

describe("an address that is not public", () => {
  const asked = () => server.questions.length;

  test.each(["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "localhost"])(
    "%s is not connected to unless it was named",
    async (host) => {
      await expect(ask(`http://${host}:${server.port}/`, [])).rejects.toThrow(code("ERR_PRICE_ADDRESS"));
      expect(asked()).toBe(0);
    },
  );

  test("behind a public name is not connected to", async () => {
    const resolve = () =>
      Promise.resolve<LookupAddress[]>([
        { address: "93.184.216.34", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]);
    await expect(ask(`http://prices.example.org:${server.port}/`, [], { resolve })).rejects.toThrow(
      "prices.example.org stands at 127.0.0.1, which is no public address",
    );
    expect(asked()).toBe(0);
  });

  test("is not reached by changing a name between the check and the connection", async () => {
    let asks = 0;
    const resolve = () =>
      Promise.resolve<LookupAddress[]>([{ address: asks++ === 0 ? "127.0.0.1" : "8.8.8.8", family: 4 }]);
    server.says("ok");
    await expect(ask(`http://prices.example.org:${server.port}/`, [], { resolve })).rejects.toThrow(
      code("ERR_PRICE_ADDRESS"),
    );
    expect(asks).toBe(1);
  });

  test("is reached by its name in whatever case it was named", async () => {
    server.says("{}");
    const url = server.url().replace("127.0.0.1", "meter.lan");
    const resolve = () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
    await expect(ask(url, ["Meter.LAN"], { resolve })).resolves.toMatchObject({ kind: "fetched" });
    await expect(ask(url, ["Other.LAN"], { resolve })).rejects.toThrow("no public address");
  });

  test("is not reached by a redirect, and a named one is", async () => {
    server.answer = ({ path }, response) => {
      if (path === "/") response.writeHead(302, { location: `http://localhost:${server.port}/secret` });
      response.end("secret");
    };
    await expect(ask(server.url())).rejects.toThrow(code("ERR_PRICE_ADDRESS"));
    expect(server.questions.map(({ path }) => path)).toEqual(["/"]);
    expect(await ask(server.url(), ["127.0.0.1", "localhost"])).toMatchObject({ text: "secret" });
  });
});

describe("a redirect", () => {
  test("takes no key to another origin", async () => {
    await using other = await PriceServer.start();
    other.says("there");
    server.answer = (_question, response) => void response.writeHead(307, { location: other.url("/x") }).end();
    const headers = { authorization: "Bearer secret" };
    await fetchDocument({ url: new URL(server.url()), headers }, { privateHosts: ["127.0.0.1"] }, NEVER);
    expect(server.questions[0]?.headers.authorization).toBe("Bearer secret");
    expect(other.questions[0]?.headers).not.toHaveProperty("authorization");
  });

  test.each(["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:1", "http://[bad"])(
    "to %s leads nowhere",
    async (location) => {
      server.answer = (_question, response) => void response.writeHead(302, { location }).end();
      await expect(ask(server.url())).rejects.toThrow("a redirect that leads nowhere safe");
    },
  );

  test("in a circle ends", async () => {
    server.answer = (_question, response) => void response.writeHead(302, { location: "/" }).end();
    await expect(ask(server.url())).rejects.toThrow("more than 3 redirects");
    expect(server.questions).toHaveLength(4);
  });
});

test("a key in the address is never told", async () => {
  await expect(ask(server.url("/?securityToken=hunter2"))).rejects.toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
  );
});
