import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { programDoor, referenceDoor } from "../../../src/mining/miners/door.ts";
import { generic } from "../../../src/mining/miners/generic.ts";
import { MINER_PROGRAMS } from "../../../src/mining/miners/programs.ts";
import { ScriptedMiner } from "../../support/scripted-miner.ts";

const NEVER = new AbortController().signal;
let server: Server;
let answers: Readonly<Record<string, unknown>>;
let asked: string[];
beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(JSON.stringify(answers[request.url ?? ""] ?? {}));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
const at = () => ({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });

describe("the door of a miner program", () => {
  test("tells the total, and nothing of a pause where the program has no such word", async () => {
    answers = { "/summary": { algorithm: "kawpow", hashrate: 7e6, accepted_count: 0, rejected_count: 0, gpus: [] } };
    const door = programDoor(MINER_PROGRAMS["t-rex"], "");
    expect(await door.read(at(), NEVER)).toEqual({ hashrate: 7e6 });
    expect(door.orders).toBeUndefined();
  });

  test("adds up the cards where the program tells no total", async () => {
    const device = (id: number) => ({ id, hashrate: { kawpow: 2e6 } });
    answers = { "/stat": { algorithm: "kawpow", hashrate: {}, devices: [device(0), device(1)] } };
    expect(await programDoor(MINER_PROGRAMS.rigel, "").read(at(), NEVER)).toEqual({ hashrate: 4e6 });
  });

  test("tells of no rate where none is measured yet", async () => {
    answers = { "/": { rate: null } };
    const described = generic({ args: [], path: "/", hashrate: "/rate", hashrateUnit: 1 });
    expect(await programDoor(described, "").read(at(), NEVER)).toEqual({});
  });

  test("gives orders with the token that the program was started with", async () => {
    const { orders } = programDoor(MINER_PROGRAMS.xmrig, "secret");
    await orders?.pause(at(), NEVER);
    await orders?.resume(at(), NEVER);
    expect(asked).toEqual(["POST /json_rpc Bearer secret", "POST /json_rpc Bearer secret"]);
  });

  test("shows the token to no program that was not told it: another one may hold the port by now", async () => {
    answers = { "/summary": { algorithm: "kawpow", hashrate: 7e6, accepted_count: 0, rejected_count: 0, gpus: [] } };
    await programDoor(MINER_PROGRAMS["t-rex"], "secret").read(at(), NEVER);
    expect(asked).toEqual(["GET /summary undefined"]);
  });

  test("of Rigshift's own miner tells for certain whether it pauses", async () => {
    await using miner = await ScriptedMiner.start();
    const own = { host: "127.0.0.1", port: miner.port };
    expect(await referenceDoor.read(own, NEVER)).toEqual({ paused: false, hashrate: 24_000_000 });
    await referenceDoor.orders?.pause(own, NEVER);
    expect(await referenceDoor.read(own, NEVER)).toEqual({ paused: true });
  });
});
