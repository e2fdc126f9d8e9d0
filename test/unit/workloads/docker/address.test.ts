import { execPath } from "node:process";
import { describe, expect, test } from "vitest";
import { engineAddress, hasEngineSocket } from "../../../../src/workloads/docker/address.ts";

const files = (path: string) => `<${path}>`;

describe("the Engine's address", () => {
  test("is the usual socket when nothing is said", () => {
    expect(engineAddress({})).toMatchObject({ protocol: "http", socketPath: "/var/run/docker.sock", host: undefined });
    expect(engineAddress({ DOCKER_HOST: "" }).socketPath).toBe("/var/run/docker.sock");
  });

  test("is DOCKER_HOST's, unless the configuration names one", () => {
    const env = { DOCKER_HOST: "unix:///run/user/1/docker.sock" };
    expect(engineAddress(env).socketPath).toBe("/run/user/1/docker.sock");
    expect(engineAddress(env, "unix:///other.sock").socketPath).toBe("/other.sock");
  });

  test("over TCP comes with TLS and a client certificate", () => {
    const env = { DOCKER_HOST: "tcp://rig.lan", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" };
    expect(engineAddress(env, undefined, files)).toEqual({
      protocol: "https",
      host: "rig.lan",
      port: "2376",
      socketPath: undefined,
      ca: "</certs/ca.pem>",
      cert: "</certs/cert.pem>",
      key: "</certs/key.pem>",
    });
    const own = { DOCKER_TLS_VERIFY: "1", HOME: "/home/op" };
    expect(engineAddress(own, "tcp://[::1]:5000", files)).toMatchObject({
      host: "[::1]",
      port: "5000",
      ca: "</home/op/.docker/ca.pem>",
    });
  });

  const refused = [
    ["plain TCP, on loopback too", {}, "tcp://127.0.0.1:2375"],
    ["SSH", {}, "ssh://root@rig"],
    ["a relative path", {}, "unix://docker.sock"],
    ["nonsense", {}, "docker"],
    ["certificates that are not there", { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/nowhere" }, "tcp://rig:1"],
  ] as const;
  for (const [what, env, host] of refused)
    test(`may not be ${what}`, () => {
      expect(() => engineAddress(env, host)).toThrow(
        expect.objectContaining({
          facts: expect.objectContaining({ code: "ERR_DOCKER_ADDRESS", mend: expect.any(String) }),
        }),
      );
    });
});

test("an Engine's socket is there where its file is; one elsewhere, or a wrong address, is none", () => {
  expect(hasEngineSocket({ DOCKER_HOST: `unix://${execPath}` })).toBe(true);
  expect(hasEngineSocket({}, `unix://${execPath}`)).toBe(true);
  expect(hasEngineSocket({ DOCKER_HOST: "unix:///no/such/docker.sock" })).toBe(false);
  expect(hasEngineSocket({ DOCKER_HOST: "tcp://rig.lan" })).toBe(false);
  expect(hasEngineSocket({ DOCKER_HOST: "nonsense" })).toBe(false);
});
