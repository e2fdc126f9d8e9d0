import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LineSocket } from "../../../src/mining/stratum/transport.ts";
import { LineClient } from "../../support/line-client.ts";

let server: Server;
let port: number;
let client: LineClient;
let raw: Socket;

beforeEach(async () => {
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  port = typeof address === "object" && address ? address.port : 0;
  const accepted = once(server, "connection") as Promise<[Socket]>;
  client = await LineClient.open(port);
  [raw] = await accepted;
});

afterEach(async () => {
  client.close();
  raw.destroy();
  server.close();
  await once(server, "close");
});

/** A line socket over the accepted connection, with everything that happened on it. */
function listen(onLine: (line: string, socket: LineSocket) => void = () => {}) {
  const lines: string[] = [];
  const closed = Promise.withResolvers<string>();
  const drained = Promise.withResolvers<void>();
  const socket: LineSocket = new LineSocket(raw, {
    onLine: (line) => {
      lines.push(line.toString());
      onLine(line.toString(), socket);
    },
    onClose: (reason) => closed.resolve(reason),
    onDrain: () => drained.resolve(),
  });
  return { socket, lines, closed: closed.promise, drained: drained.promise };
}

const echo = (line: string, socket: LineSocket) => {
  socket.send(Buffer.from(line));
};

describe("framing", () => {
  test("gives each line with its newline, however it is cut up on the way", async () => {
    const { lines } = listen(echo);
    for (const piece of ['{"a"', ":1}", '\n{"b":2}\n{"c"', ":3}\n"]) {
      client.sendBytes(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.line((line) => "c" in line);
    expect(lines).toEqual(['{"a":1}\n', '{"b":2}\n', '{"c":3}\n']);
  });

  test("leaves carriage returns and odd bytes alone", async () => {
    const { lines } = listen(echo);
    client.sendBytes('{"id":"\u00e9"}\r\n');
    await client.next(() => true);
    expect(lines).toEqual(['{"id":"\u00e9"}\r\n']);
  });

  test("skips blank lines", async () => {
    const { lines } = listen(echo);
    client.sendBytes("\n\r\n \n{}\n");
    await client.next(() => true);
    expect(lines).toEqual(["{}\n"]);
  });

  test("takes a line of 16 KiB", async () => {
    const { lines } = listen(echo);
    const long = `"${"x".repeat(16 * 1024 - 3)}"`;
    client.send(long);
    await client.next(() => true);
    expect(lines[0]).toHaveLength(16 * 1024);
  });

  test("closes the connection at a longer line, and says so", async () => {
    const { closed } = listen();
    client.sendBytes(`"${"x".repeat(16 * 1024)}"\n`);
    expect(await closed).toMatch(/longer than 16384 bytes/);
    await client.closed;
  });

  test("closes at a longer line even when its end never comes", async () => {
    const { lines, closed } = listen();
    client.sendBytes("x".repeat(20_000));
    expect(await closed).toMatch(/longer than 16384 bytes/);
    expect(lines).toEqual([]);
  });

  test("reads nothing more once it was closed in the middle of a chunk", async () => {
    const { lines, closed } = listen((_, socket) => socket.close("enough"));
    client.sendBytes("1\n2\n3\n");
    expect(await closed).toBe("enough");
    await client.closed;
    expect(lines).toEqual(["1\n"]);
  });
});

describe("closing", () => {
  test("lets the last line out first", async () => {
    const { socket } = listen();
    socket.send('{"id":1}');
    socket.close("done");
    await client.closed;
    expect(client.lines).toEqual(['{"id":1}']);
  });

  test("is told once, with the first reason", async () => {
    const { socket, closed } = listen();
    socket.close("first");
    socket.close("second");
    expect(await closed).toBe("first");
    expect(socket.closed).toBe(true);
  });

  test("makes sending a no-op", () => {
    const { socket } = listen();
    socket.close("done");
    expect(socket.send("late")).toBe(true);
  });

  test("by the peer is told as such", async () => {
    const { closed } = listen();
    client.close();
    expect(await closed).toMatch(/closed by the peer|ECONNRESET/);
  });
});

describe("backpressure", () => {
  const line = "y".repeat(1000);

  test("is reported, and so is its end", async () => {
    const { socket, drained } = listen();
    client.pause();
    let sent = 0;
    // The kernel's own buffers take the first megabytes.
    while (socket.send(line) && sent < 100_000) sent++;
    expect(sent).toBeLessThan(100_000);
    client.resume();
    await drained;
    expect(socket.closed).toBe(false);
  });

  test("cuts off a peer that leaves 256 KiB unread", async () => {
    const { socket, closed } = listen();
    client.pause();
    for (let i = 0; i < 100_000 && !socket.closed; i++) socket.send(line);
    expect(await closed).toBe("the peer does not read");
  });

  test("a paused socket reads no further until it is resumed", async () => {
    const { socket, lines } = listen(echo);
    socket.pause();
    client.send("1");
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toEqual([]);
    socket.resume();
    await client.next(() => true);
    expect(lines).toEqual(["1\n"]);
  });
});
