import { describe, expect, test } from "vitest";
import { minorOf, negotiate } from "../../../../src/workloads/docker/api-version.ts";

describe("the API version", () => {
  const agreed = [
    ["the Engine's own where it is older than ours", { Version: "20.10.24", ApiVersion: "1.41" }, "1.41"],
    ["ours where the Engine is newer", { Version: "31.0", ApiVersion: "1.60", MinAPIVersion: "1.44" }, "1.51"],
    ["the Engine's own in between", { Version: "27", ApiVersion: "1.47", MinAPIVersion: "1.24" }, "1.47"],
  ] as const;
  for (const [what, answer, api] of agreed)
    test(`is ${what}`, () => expect(negotiate(answer)).toEqual({ engine: answer.Version, api }));

  const refused = [
    ["is too old", { ApiVersion: "1.40" }, "ERR_DOCKER_VERSION"],
    ["has moved on too far", { ApiVersion: "1.99", MinAPIVersion: "1.60" }, "ERR_DOCKER_VERSION"],
    ["does not say", {}, "ERR_DOCKER_ANSWER"],
    ["says nonsense", { ApiVersion: "two" }, "ERR_DOCKER_ANSWER"],
    ["says nothing", undefined, "ERR_DOCKER_ANSWER"],
  ] as const;
  for (const [what, answer, code] of refused)
    test(`of an Engine that ${what} is refused`, () => {
      expect(() => negotiate(answer)).toThrow(expect.objectContaining({ facts: expect.objectContaining({ code }) }));
    });

  test("is compared by number, not by letter", () => expect(minorOf("1.100")).toBeGreaterThan(minorOf("1.51")));
});
