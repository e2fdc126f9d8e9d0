import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCheck } from "../../../src/lib/check.ts";
import { miningChecks } from "../../../src/mining/checks.ts";
import { millis, seconds } from "../../../src/units/time.ts";

const TLS = join(import.meta.dirname, "../http/tls");
let server: Server;
let port: number;
let closed: number;
beforeEach(async () => {
  server = createServer((socket) => void socket.resume());
  ({ port } = await listen(server));
  // A port that nobody listens on.
  const gone = createServer();
  ({ port: closed } = await listen(gone));
  await new Promise((resolve) => gone.close(resolve));
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const listen = (one: Server): Promise<AddressInfo> =>
  new Promise((resolve) => one.listen(0, "127.0.0.1", () => resolve(one.address() as AddressInfo)));
const pool = (at: number, { host = "127.0.0.1", scheme = "stratum+tcp" } = {}) => ({
  url: `${scheme}://${host}:${at}`,
  endpoint: { kind: "stratum", host, port: at } as const,
});
const check = (pools: Parameters<typeof miningChecks>[0][number]["pools"]) =>
  Promise.all(
    miningChecks(pools.length === 0 ? [] : [{ sheet: "alpha", pools }]).map((one) =>
      runCheck(one, new AbortController().signal, seconds(20)),
    ),
  );

test("a pool whose port takes a connection is fine, by name too", async () => {
  expect(await check([pool(port), pool(port, { host: "localhost" })])).toMatchObject([
    {
      name: `pool stratum+tcp://127.0.0.1:${port} of alpha`,
      level: "ok",
      found: expect.stringMatching(/^connected to 127\.0\.0\.1 in \d+ ms$/),
    },
    { level: "ok" },
  ]);
});

test("a pool that refuses is a warning beside one that answers, and a fail alone", async () => {
  const refused = {
    found: `127.0.0.1:${closed} cannot be reached (ECONNREFUSED)`,
    mend: expect.stringMatching(/pools/),
  };
  expect(await check([pool(closed), pool(port)])).toMatchObject([{ level: "warn", ...refused }, { level: "ok" }]);
  expect(await check([pool(closed)])).toMatchObject([{ level: "fail", ...refused }]);
});

test("a name that does not resolve fails", async () => {
  const [checked] = await check([pool(3333, { host: "pool.invalid" })]);
  expect(checked).toMatchObject({
    level: "fail",
    found: expect.stringMatching(/^pool\.invalid:3333 cannot be reached/),
  });
});

describe("a pool over TLS", () => {
  const cert = readFileSync(join(TLS, "test-only-cert.pem"));
  const pin = createHash("sha256")
    .update(new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
  const checkSecure = async (tlsPin: string | undefined) => {
    const secure = createTlsServer({ key: readFileSync(join(TLS, "test-only-key.pem")), cert });
    const { port: at } = await listen(secure);
    const one = { ...pool(at, { scheme: "stratum+ssl" }), ...(tlsPin === undefined ? {} : { tlsPin }) };
    const [checked] = await check([one]);
    await new Promise((resolve) => secure.close(resolve));
    return checked;
  };

  test("is asked for a certificate that is good", async () => {
    expect(await checkSecure(undefined)).toMatchObject({ level: "fail", found: expect.stringMatching(/CERT/) });
  });

  test("may have any certificate with the pinned key, and no other", async () => {
    expect(await checkSecure(pin)).toMatchObject({ level: "ok" });
    expect(await checkSecure("0".repeat(64))).toMatchObject({
      level: "fail",
      found: expect.stringContaining("not the pinned one"),
    });
  });
});

test("a pool that never answers is given up when the time is over", async () => {
  const mute = createServer((socket) => void socket.on("error", () => {}).resume());
  const { port: at } = await listen(mute);
  const [one] = miningChecks([{ sheet: "alpha", pools: [pool(at, { scheme: "stratum+ssl" })] }]);
  const checked = one && (await runCheck(one, new AbortController().signal, millis(100)));
  expect(checked).toMatchObject({ level: "fail", found: expect.stringMatching(/no answer/) });
  await new Promise((resolve) => mute.close(resolve));
});

test("the built-in pool needs nothing, nor does a rig that does not mine", async () => {
  expect(await check([{ url: "devpool", endpoint: { kind: "devpool" } }])).toMatchObject([
    { level: "ok", found: "built in" },
  ]);
  expect(await check([])).toEqual([{ name: "pools", level: "ok", found: "nothing is mined" }]);
});

test("each flight sheet is judged by its own pools, and named", async () => {
  const checks = miningChecks([
    { sheet: "alpha", pools: [pool(port)] },
    { sheet: "beta+bcoin", pools: [pool(closed)] },
  ]);
  const checked = await Promise.all(checks.map((one) => runCheck(one, new AbortController().signal, seconds(20))));
  expect(checked.map(({ level }) => level)).toEqual(["ok", "fail"]);
  expect(checked.map(({ name }) => name.split(" of ")[1])).toEqual(["alpha", "beta+bcoin"]);
});
