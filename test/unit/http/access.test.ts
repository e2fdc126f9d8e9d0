import { describe, expect, test } from "vitest";
import { type AccessRequest, hostNameOf, isLoopback, refuseAccess, toAccessRules } from "../../../src/http/access.ts";

const rules = (changes: Partial<Parameters<typeof toAccessRules>[0]> = {}) =>
  toAccessRules({ host: "127.0.0.1", token: "secret", allowedHosts: [], customerKeys: [], ...changes });

const request = (changes: Partial<AccessRequest> = {}): AccessRequest => ({
  method: "GET",
  path: "/api/v1/rig",
  port: 7433,
  family: "api",
  routeExists: true,
  headers: { host: "localhost:7410" },
  ...changes,
});

describe("loopback", () => {
  const cases = [
    ["127.0.0.1", true],
    ["127.255.0.9", true],
    ["localhost", true],
    ["LOCALHOST", true],
    ["::1", true],
    ["[::1]", true],
    ["0.0.0.0", false],
    ["::", false],
    ["127.0.0.1.evil.example", false],
    ["127.1", false],
    ["localhost.evil.example", false],
    ["10.0.0.1", false],
  ] as const;
  for (const [host, expected] of cases)
    test(`${host} is ${expected ? "" : "not "}loopback`, () => expect(isLoopback(host)).toBe(expected));
});

describe("the Host header", () => {
  const cases = [
    ["127.0.0.1:7410", "127.0.0.1"],
    ["Rig.Lan", "rig.lan"],
    ["localhost.", "localhost"],
    ["[::1]:80", "[::1]"],
    ["user@localhost", undefined],
    ["localhost:99999999", undefined],
    ["local host", undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const;
  for (const [header, name] of cases) test(`${header} names ${name}`, () => expect(hostNameOf(header)).toBe(name));
});

describe("a wildcard listener", () => {
  const wide = rules({ host: "0.0.0.0", allowedHosts: ["rig.lan"] });
  const allows = (name: string) => wide.isHostAllowed(name);

  test("answers under addresses and configured names only", () => {
    expect(["10.1.2.3", "[2001:db8::1]", "rig.lan", "localhost"].map(allows)).toEqual([true, true, true, true]);
    expect(["evil.example", "10.1.2.3.evil.example"].map(allows)).toEqual([false, false]);
  });
});

test("a foreign name is told the address that answers, with its port", () => {
  const told = (host: string) => refuseAccess(request({ headers: { host: "evil.example" } }), rules({ host }))?.mend;
  const cases = [
    ["127.0.0.1", "http://127.0.0.1:7433,"],
    ["::1", "http://[::1]:7433,"],
    ["0.0.0.0", "https://127.0.0.1:7433,"],
    ["10.0.0.1", "https://10.0.0.1:7433,"],
  ] as const;
  for (const [host, address] of cases) expect(told(host)).toContain(`open it as ${address}`);
});

describe("an origin", () => {
  const write = (headers: AccessRequest["headers"]) =>
    refuseAccess(
      request({
        method: "POST",
        path: "/v1/completions",
        family: "openai",
        headers: { host: "localhost:7410", "content-type": "application/json; charset=utf-8", ...headers },
      }),
      rules(),
    );

  test("may be absent or the agent's own, also behind a proxy that adds TLS", () => {
    expect(write({})).toBeUndefined();
    expect(write({ origin: "http://localhost:7410" })).toBeUndefined();
    expect(write({ origin: "https://localhost:7410" })).toBeUndefined();
  });

  test("on another port or name is foreign", () => {
    for (const origin of ["http://localhost:8080", "http://localhost", "http://evil.example", "null", ""])
      expect(write({ origin })?.code, origin).toBe("ERR_HTTP_ORIGIN");
  });

  test("is no matter for a plain read, whose answer a foreign page cannot see", () => {
    expect(
      refuseAccess(request({ headers: { host: "localhost", origin: "http://evil.example" } }), rules()),
    ).toBeUndefined();
  });
});

test("an unknown address is told apart without a token on loopback, and only with it elsewhere", () => {
  const unknown = request({ method: "POST", path: "/nothing", routeExists: false });
  expect(refuseAccess(unknown, rules())).toBeUndefined();
  const far = { ...unknown, headers: { host: "10.0.0.1" } };
  expect(refuseAccess(far, rules({ host: "10.0.0.1" }))?.status).toBe(401);
});
