import { describe, expect, test } from "vitest";
import { isRigError } from "../../../../src/lib/errors.ts";
import { pairCosts, parsePriceTrace } from "../../../../src/policy/replay/trace.ts";

function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isRigError(error)) return `${error.facts.code} ${error.message}`;
    throw error;
  }
  return "no fault";
}

describe("a price trace", () => {
  test("is a header and rows, whatever ends its lines", () => {
    const trace = parsePriceTrace("\uFEFFt_s, eth ,none\r\n0,0.5,0\r\n60.5,-1e-3,.25\r\n");
    expect(trace.workloads).toEqual(["eth", "none"]);
    expect([...trace.times]).toEqual([0, 60.5]);
    expect([...trace.rates]).toEqual([0.5, 0, -0.001, 0.25]);
    expect(trace.steps).toBe(1);
  });

  const wrong: readonly [string, string, RegExp][] = [
    ["nothing", "", /^ERR_REPLAY_TRACE line 1: the file is empty/],
    ["blank lines", "\n\n", /line 1: the file is empty/],
    ["a foreign header", "time,a\n0,1\n1,1\n", /line 1: the header is "time,a"/],
    ["no workload", "t_s\n0\n1\n", /line 1: the header/],
    ["a workload twice", "t_s,a,a\n0,1,1\n1,1,1\n", /line 1: a stands twice/],
    ["a nameless workload", "t_s,a,\n0,1,1\n1,1,1\n", /line 1: a workload has no name/],
    ["a header alone", "t_s,a\n", /line 1: there is no step/],
    ["one row", "t_s,a\n0,1\n", /line 2: there is no step/],
    ["NaN", "t_s,a\n0,1\n1,NaN\n2,1\n", /line 3: a: got "NaN"/],
    ["infinity", "t_s,a\n0,1\n1,1e999\n", /line 3: a: got "1e999"/],
    ["a missing cell", "t_s,a,b\n0,1\n1,1,1\n", /line 2: 2 cells under 3 columns/],
    ["an empty cell", "t_s,a\n0,\n1,1\n", /line 2: a: got nothing/],
    ["hexadecimal", "t_s,a\n0,0x10\n1,1\n", /line 2: a: got "0x10"/],
    ["a line left blank", "t_s,a\n0,1\n\n1,1\n", /line 3: 1 cells under 2/],
    ["time twice", "t_s,a\n0,1\n5,1\n5,1\n", /line 4: t_s 5 stands twice/],
    ["time going back", "t_s,a\n0,1\n5,1\n4,1\n", /line 4: t_s falls from 5 to 4/],
    ["a web page", "<html><body>404</body></html>\n", /line 1: the header is/],
  ];
  test.each(wrong)("of %s is refused with its line", (_title, text, message) => {
    expect(faultOf(() => parsePriceTrace(text))).toMatch(message);
  });
});

describe("switch costs by pair", () => {
  const workloads = ["a", "b:c"];
  const cost = (pair: string, seconds: number) => ({ pair, seconds });

  test("stand where they belong, also with a colon in a name", () => {
    const { count, seconds } = pairCosts(workloads, [cost("b:c:a", 5), cost("a:b:c", 7)]);
    expect(count).toBe(2);
    expect([...seconds]).toEqual([0, 7, 5, 0]);
  });

  const wrong: readonly [string, readonly string[], RegExp][] = [
    ["missing", ["a:b:c"], /ERR_REPLAY_COST --cost: b:c:a has no cost/],
    ["unknown", ["a:b:c", "b:c:a", "a:x"], /a:x is no pair of this trace/],
    ["from a workload to itself", ["a:b:c", "b:c:a", "a:a"], /a:a is no pair/],
    ["given twice", ["a:b:c", "b:c:a", "a:b:c"], /a:b:c is given twice/],
  ];
  test.each(wrong)("%s are refused", (_title, pairs, message) => {
    expect(
      faultOf(() =>
        pairCosts(
          workloads,
          pairs.map((pair) => cost(pair, 1)),
        ),
      ),
    ).toMatch(message);
  });
});
