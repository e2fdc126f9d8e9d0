import { describe, expect, test } from "vitest";
import { fakeRig, START_MS } from "../../support/fake-rig-port.ts";
import { answers, place } from "./harness.ts";

const untilMs = START_MS + 7_200_000;

describe("rigshift curtail", () => {
  test("orders a limit until a time, and prints what is in force", async () => {
    await using there = await place({ ...answers(fakeRig()), "/api/v1/curtail": { maxW: 400, untilMs, restW: 60 } });
    const { out } = await there.run("curtail", "--max-w", "400", "--until", "2099-01-31T14:00");
    expect(out).toBe("curtail: at most 400.0 W until 2026-09-14 12:40:00 UTC\n");
    expect(JSON.parse(there.asked.at(-1)?.body ?? "")).toEqual({ maxW: 400, untilMs: Date.UTC(2099, 0, 31, 14) });
  });

  test("takes a length of time from now on", async () => {
    await using there = await place({ ...answers(fakeRig()), "/api/v1/curtail": { maxW: 0, untilMs, restW: null } });
    const before = Date.now();
    await there.run("curtail", "--max-w", "0", "--until", "2h");
    const asked = JSON.parse(there.asked.at(-1)?.body ?? "");
    expect(asked.untilMs - before).toBeGreaterThanOrEqual(7_199_000);
    expect(asked.untilMs - before).toBeLessThan(7_260_000);
  });

  test("says that even rest draws more than was ordered", async () => {
    await using there = await place({ ...answers(fakeRig()), "/api/v1/curtail": { maxW: 50, untilMs, restW: 62.4 } });
    expect((await there.run("curtail", "--max-w", "50", "--until", "2h")).out).toBe(
      "curtail: at most 50.0 W until 2026-09-14 12:40:00 UTC; even at rest the rig draws about 62.4 W\n",
    );
  });

  test("lifts the limit", async () => {
    await using there = await place({
      ...answers(fakeRig()),
      "/api/v1/curtail": { maxW: null, untilMs: null, restW: null },
    });
    expect((await there.run("curtail", "--off")).out).toBe("curtail: no limit\n");
    expect(JSON.parse(there.asked.at(-1)?.body ?? "")).toEqual({ maxW: null });
    expect(JSON.parse((await there.run("curtail", "--off", "--json")).out)).toEqual({
      maxW: null,
      untilMs: null,
      restW: null,
    });
  });

  const wrong = [
    ["nothing at all", [], /needs a limit and its end.*--max-w 400 --until 2h/],
    ["a limit without an end", ["--max-w", "400"], /needs a limit and its end/],
    ["an end beside --off", ["--off", "--until", "2h"], /--off alone/],
    ["watts that are none", ["--max-w", "-5", "--until", "2h"], /--max-w: got "-5"/],
    ["a time that has passed", ["--max-w", "5", "--until", "2020-01-01"], /"2020-01-01" has passed/],
    ["no time", ["--max-w", "5", "--until", "soon"], /--until: got "soon"/],
  ] as const;
  for (const [title, args, line] of wrong)
    test(`refuses ${title}, sending nothing`, async () => {
      await using there = await place(answers(fakeRig()));
      const { code, err } = await there.run("curtail", ...args);
      expect(code).toBe(2);
      expect(err).toMatch(line);
      expect(there.asked.filter(({ method }) => method === "POST")).toEqual([]);
    });
});
