import { describe, expect, test } from "vitest";
import { isRigError } from "../../../../src/lib/errors.ts";
import { coalescing, type GapRule } from "../../../../src/policy/gap/rules.ts";
import { replayRequests, type ServingTerms } from "../../../../src/policy/replay/gap-replay.ts";
import { parseRequests, type RequestTrace } from "../../../../src/policy/replay/requests.ts";

/** One second per request: ten prompt tokens at ten a second. */
const requestsAt = (...arrivals: readonly number[]): RequestTrace => ({
  arrivals: Float64Array.from(arrivals),
  tokensIn: Float64Array.from(arrivals, () => 10),
  tokensOut: Float64Array.from(arrivals, () => 0),
});

const terms: ServingTerms = {
  prefillTokensPerS: 10,
  decodeTokensPerS: 10,
  wake: 2,
  back: 3,
  usdPerMtokIn: 100_000,
  usdPerMtokOut: 0,
  mineUsdPerHour: 3600,
};

const stay = (seconds: number): GapRule => ({
  name: "stay",
  start: () => ({ linger: () => seconds, served: () => {} }),
});

const replayOne = (trace: RequestTrace, rule: GapRule) => {
  const { policies, clairvoyant } = replayRequests(trace, terms, [rule], rule.name);
  const [policy] = policies;
  if (policy === undefined) throw new Error("no policy");
  return { policy, clairvoyant };
};

describe("a replay of requests", () => {
  test("mines what the linger and the way back leave of a gap, and lets the arrival wait for the way there", () => {
    // 0–1 served, 1–2 linger, 2–5 back, 5–21 mined, 21–23 wake, 23–24 served.
    const { policy, clairvoyant } = replayOne(requestsAt(0, 21), stay(1));
    expect(policy).toMatchObject({ default: true, waitP50S: 0, waitP99S: 2, switchesPerHour: (2 * 3600) / 24 });
    expect(policy.miningShare).toBeCloseTo(16 / 24, 12);
    expect(policy.netUsd).toBeCloseTo(2 + 16, 9);
    // Known ahead: 1–21 is a gap of 20, less a round trip of 5.
    expect(clairvoyant).toMatchObject({ switches: 2, wasteS: 5 });
    expect(clairvoyant.miningShare).toBeCloseTo(15 / 22, 12);
    expect(policy.wasteRatio).toBeCloseTo((1 + 3 + 2) / 5, 12);
  });

  test("lets an arrival on the way back wait for it to finish, then wakes", () => {
    // 0–1 served, 1–4 back, 4–6 wake: the arrival at 2 waits 4; the one at 5 comes along.
    const { policy } = replayOne(requestsAt(0, 2, 5), stay(0));
    expect(policy.waitP99S).toBe(4);
    expect(policy.waitP50S).toBe(1);
    expect(policy.miningShare).toBe(0);
    expect(policy.switchesPerHour).toBeCloseTo((2 * 3600) / 7, 9);
  });

  test("serves at once while it lingers, and wastes the gap", () => {
    const { policy, clairvoyant } = replayOne(requestsAt(0, 4), stay(3));
    expect(policy).toMatchObject({ waitP99S: 0, switchesPerHour: 0, wasteRatio: 1 });
    expect(clairvoyant.wasteS).toBe(3);
  });

  test("has slots for all: requests at once do not wait for each other", () => {
    const { policy, clairvoyant } = replayOne(requestsAt(0, 0, 0.5), stay(0));
    expect(policy).toMatchObject({ waitP99S: 0, wasteRatio: null });
    expect(clairvoyant.wasteS).toBe(0);
  });

  test("says nothing about shares of no time", () => {
    const empty = { ...requestsAt(0), tokensIn: Float64Array.of(0) };
    expect(replayOne(empty, stay(0)).policy).toMatchObject({
      miningShare: null,
      wasteRatio: null,
      switchesPerHour: null,
    });
  });

  test("coalesces arrivals for as long as the first may wait", () => {
    const trace = requestsAt(0, ...Array.from({ length: 40 }, (_, index) => 100 + index * 5));
    const [plain, coalesced] = [stay(0), coalescing(30)].map((rule) => replayOne(trace, rule).policy);
    expect(coalesced?.waitP99S).toBeLessThanOrEqual(30);
    expect(coalesced?.switchesPerHour).toBeLessThan((plain?.switchesPerHour ?? 0) / 2);
    expect(coalesced?.miningShare).toBeGreaterThan(plain?.miningShare ?? 1);
  });
});

describe("requests in a file", () => {
  test("may come several at a time", () => {
    const { arrivals, tokensIn, tokensOut } = parseRequests("t_s,tokens_in,tokens_out\n0,5,6\n0,7,8\n");
    expect([[...arrivals], [...tokensIn], [...tokensOut]]).toEqual([
      [0, 0],
      [5, 7],
      [6, 8],
    ]);
  });

  const wrong: readonly [string, string, RegExp][] = [
    ["nothing", "", /line 1: the file is empty/],
    ["a foreign header", "t,in,out\n0,1,1\n", /line 1: the header is "t,in,out"/],
    ["no request", "t_s,tokens_in,tokens_out\n", /line 2: there is no request/],
    ["time going back", "t_s,tokens_in,tokens_out\n5,1,1\n4,1,1\n", /line 3: t_s falls from 5 to 4/],
    ["negative tokens", "t_s,tokens_in,tokens_out\n5,1,-1\n", /line 2: fewer than 0 tokens/],
    ["words", "t_s,tokens_in,tokens_out\n5,many,1\n", /line 2: tokens_in: got "many"/],
  ];
  test.each(wrong)("are refused with the line where there is %s", (_title, text, message) => {
    let said = "";
    try {
      parseRequests(text);
    } catch (error) {
      if (isRigError(error)) said = error.facts.code === "ERR_REPLAY_REQUESTS" ? error.message : "";
    }
    expect(said).toMatch(message);
  });
});
