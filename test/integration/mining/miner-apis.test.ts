import { once } from "node:events";
import { createServer as createHttp, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { askMiner, readMiner } from "../../../src/mining/miners/api.ts";
import { MINER_PROGRAMS } from "../../../src/mining/miners/programs.ts";

const NEVER = new AbortController().signal;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    if ("closeAllConnections" in server && typeof server.closeAllConnections === "function")
      server.closeAllConnections();
    await once(server, "close");
  }
});

async function listen(server: Server): Promise<{ readonly host: string; readonly port: number }> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}
const http = (listener: RequestListener) => listen(createHttp(listener));
const tcp = (listener: (text: string, socket: Socket) => void) =>
  listen(
    createServer((socket) => {
      socket.on("error", () => {
        // The asker may hang up first.
      });
      socket.once("data", (data) => listener(data.toString().trim(), socket));
    }),
  );

const summary = JSON.stringify({ algorithm: "kawpow", hashrate: 1, accepted_count: 2, rejected_count: 0, gpus: [] });

describe("a miner's API over HTTP", () => {
  test("is read at its own path", async () => {
    const address = await http(({ url }, response) => void response.end(url === "/summary" ? summary : "{}"));
    const { runs } = await readMiner(MINER_PROGRAMS["t-rex"], address, NEVER);
    expect(runs).toEqual([{ algorithm: "kawpow", hashrate: 1, accepted: 2, rejected: 0, devices: [] }]);
  });

  test("gets the token and the body of a call that pauses", async () => {
    const asked: unknown[] = [];
    const address = await http((request, response) => {
      let body = "";
      request.on("data", (part) => {
        body += String(part);
      });
      request.on("end", () => {
        asked.push([request.method, request.url, request.headers.authorization, JSON.parse(body)]);
        response.end("{}");
      });
    });
    const { pause } = MINER_PROGRAMS.xmrig;
    if (pause === undefined) throw new Error("XMRig can pause");
    await askMiner(pause.pause, { ...address, token: "secret" }, NEVER);
    expect(asked).toEqual([["POST", "/json_rpc", "Bearer secret", { jsonrpc: "2.0", id: 1, method: "pause" }]]);
  });

  test("that answers an error, a redirect, too much or nothing is named", async () => {
    const refused = await http((_, response) => void response.writeHead(404).end());
    await expect(readMiner(MINER_PROGRAMS["t-rex"], refused, NEVER)).rejects.toThrow("answered 404 to /summary");
    const elsewhere = await http((_, response) => void response.writeHead(302, { location: "http://10.0.0.1/" }).end());
    await expect(readMiner(MINER_PROGRAMS["t-rex"], elsewhere, NEVER)).rejects.toMatchObject({
      facts: { code: "ERR_MINER_API" },
    });
    const endless = await http((_, response) => void response.end("x".repeat(600_000)));
    await expect(readMiner(MINER_PROGRAMS["t-rex"], endless, NEVER)).rejects.toThrow("more than");
    const silent = await http((request) => void request.socket.destroy());
    await expect(readMiner(MINER_PROGRAMS["t-rex"], silent, NEVER)).rejects.toThrow("does not answer");
  });

  test("is left at once when the asker is told to stop", async () => {
    const stop = new AbortController();
    const address = await http(() => stop.abort());
    await expect(readMiner(MINER_PROGRAMS["t-rex"], address, stop.signal)).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("a miner's API over TCP", () => {
  const devs = { DEVS: [{ GPU: 0, Accepted: 5, Rejected: 1, "MHS 30s": 60.5 }] };
  const pools = { POOLS: [{ Algorithm: "kawpow" }] };

  test("is asked one question per connection, whatever follows the answer", async () => {
    const address = await tcp((text, socket) => {
      const { command } = JSON.parse(text) as { command: string };
      socket.end(`${JSON.stringify(command === "devs" ? devs : pools)}\0`);
    });
    const { runs } = await readMiner(MINER_PROGRAMS.teamredminer, address, NEVER);
    expect(runs).toEqual([
      {
        algorithm: "kawpow",
        hashrate: 60_500_000,
        accepted: 5,
        rejected: 1,
        devices: [{ index: 0, hashrate: 60_500_000, accepted: 5, rejected: 1 }],
      },
    ]);
  });

  test("that is not there or sends too much is named", async () => {
    const gone = await tcp(() => {});
    for (const server of servers.splice(0)) server.close();
    await expect(readMiner(MINER_PROGRAMS.ccminer, gone, NEVER)).rejects.toMatchObject({
      facts: { code: "ERR_MINER_API", retryable: true },
    });
    const endless = await tcp((_, socket) => void socket.end("x".repeat(600_000)));
    await expect(readMiner(MINER_PROGRAMS.ccminer, endless, NEVER)).rejects.toThrow("more than");
  });
});
