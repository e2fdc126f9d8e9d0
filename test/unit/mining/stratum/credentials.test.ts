import { expect, test } from "vitest";
import { credentialsOf } from "../../../../src/mining/stratum/credentials.ts";

const of = (user: string, password: string, worker: string) =>
  credentialsOf({ url: "stratum+tcp://a:1", user, password }, worker);

test("rig and GPU of a worker stand before and after its last dash", () => {
  expect(of("wallet.{rig}-{gpu}", "id={worker}", "my-rig-12")).toEqual({
    user: "wallet.my-rig-12",
    password: "id=my-rig-12",
  });
  expect(of("{rig}/{gpu}", "x", "my-rig-12").user).toBe("my-rig/12");
  expect(of("{rig}/{gpu}", "x", "solo").user).toBe("solo/0");
});

test("what is no placeholder stays as it is, also in a worker's name", () => {
  expect(of("{wallet}.$1", "a{b}", "{rig}-1")).toEqual({ user: "{wallet}.$1", password: "a{b}" });
  expect(of("w.{worker}", "x", "{gpu}-$&").user).toBe("w.{gpu}-$&");
});
