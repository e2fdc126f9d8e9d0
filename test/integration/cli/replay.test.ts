import { describe, expect, test } from "vitest";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

const TRACE = "t_s,eth,none\n0,1,0\n3600,-1,0\n7200,1,0\n10800,1,0\n";
const REQUESTS = "t_s,tokens_in,tokens_out\n0,100,10\n100,100,10\n";
const SERVING = (
  "--requests trace.csv --prefill-tok-s 1000 --decode-tok-s 10 --wake-s 2 --back-s 3 " +
  "--usd-per-mtok-in 0.1 --usd-per-mtok-out .4 --mine-usd-h 0.05"
).split(" ");

async function replay(text: string, ...args: readonly string[]) {
  using directory = new TemporaryDirectory();
  directory.write("trace.csv", text);
  return await runIn(directory.path, ["replay", ...args]);
}

describe("rigshift replay", () => {
  test("gives every policy's net, switches and shares, and the clairvoyant's, as JSON", async () => {
    const { code, out } = await replay(TRACE, "--trace", "trace.csv", "--cost-s", "360", "--json");
    const { policies, clairvoyant } = JSON.parse(out);
    expect(code).toBe(0);
    // Leaving a loss is free, coming back costs a tenth of an hour at 1 USD.
    expect(clairvoyant.netUsd).toBeCloseTo(1.9, 12);
    expect(clairvoyant.switches).toBe(2);
    expect(policies.filter((policy: { default: boolean }) => policy.default)).toHaveLength(1);
    const greedy = policies.find(({ name }: { name: string }) => name === "greedy");
    expect(greedy).toEqual({
      name: "greedy",
      default: false,
      netUsd: expect.closeTo(1.9, 12),
      switches: 2,
      revenueShare: expect.closeTo(1, 12),
      netUpside: expect.closeTo(1, 12),
      lossRatio: expect.closeTo(1, 9),
    });
  });

  test("refuses a recording of requests as prices, with nothing printed", async () => {
    const { code, out, err } = await replay(REQUESTS, "--trace", "trace.csv", "--cost-s", "3");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/line 1: these are requests, not prices \(ERR_REPLAY_TRACE\): give the file with --requests/);
  });

  test("takes each pair's own cost", async () => {
    const costs = ["--cost", "eth:none=0", "--cost", "none:eth=1800"];
    const { out } = await replay(TRACE, "--trace", "trace.csv", ...costs, "--json");
    expect(JSON.parse(out).clairvoyant.netUsd).toBeCloseTo(1.5, 12);
  });

  test("prints a table with the default marked", async () => {
    const { out } = await replay(TRACE, "--trace", "trace.csv", "--cost-s", "360");
    expect(out).toMatch(/^POLICY +NET USD/);
    expect(out).toMatch(/adaptive \(default\)/);
    expect(out).toMatch(/\nclairvoyant: .*NET UPSIDE: [\s\S]*LOSS RATIO: .*\n$/);
    expect(out).toMatch(/clairvoyant +1\.9000 +2\n/);
  });

  test("replays requests", async () => {
    const { code, out } = await replay(REQUESTS, ...SERVING, "--json");
    expect(code).toBe(0);
    const { policies, clairvoyant } = JSON.parse(out);
    expect(Object.keys(policies[0])).toEqual(
      "name default netUsd miningShare wasteRatio waitP50S waitP99S promptShare switchesPerHour".split(" "),
    );
    expect(clairvoyant.switches).toBe(2);
    const table = await replay(REQUESTS, ...SERVING, "--max-wait-s", "30");
    expect(table.out).toMatch(
      /\nno-wait clairvoyant: .* lets nobody wait[\s\S]*may so earn more[\s\S]*WASTE RATIO: .*\n$/,
    );
    expect(table.out).toMatch(/gap \(default\)/);
    expect(table.out).toMatch(/gap-coalesced-30s/);
  });

  const wrong: readonly [string, string, readonly string[], RegExp][] = [
    ["nothing to replay", TRACE, [], /nothing to replay, or two things \(ERR_USAGE\)/],
    ["two things", TRACE, ["--trace", "trace.csv", "--requests", "trace.csv"], /give either --trace FILE or/],
    ["a file that is not there", TRACE, ["--trace", "no.csv", "--cost-s", "1"], /no\.csv: there is no such file/],
    ["a folder", TRACE, ["--trace", ".", "--cost-s", "1"], /it cannot be read/],
    ["no cost", TRACE, ["--trace", "trace.csv"], /no switch cost \(ERR_USAGE\): give --cost-s SECONDS/],
    ["two kinds of cost", TRACE, ["--trace", "trace.csv", "--cost-s", "1", "--cost", "eth:none=1"], /both --cost and/],
    [
      "half of the costs",
      TRACE,
      ["--trace", "trace.csv", "--cost", "eth:none=1"],
      /none:eth has no cost \(ERR_REPLAY_COST\)/,
    ],
    ["a cost without seconds", TRACE, ["--trace", "trace.csv", "--cost", "eth:none"], /write from:to=SECONDS/],
    ["a negative cost", TRACE, ["--trace", "trace.csv", "--cost-s", "-1"], /--cost-s: got "-1"/],
    [
      "a dwell that is no number",
      TRACE,
      ["--trace", "trace.csv", "--cost-s", "1", "--min-dwell-s", "NaN"],
      /--min-dwell-s: got "NaN"/,
    ],
    [
      "an empty file",
      "",
      ["--trace", "trace.csv", "--cost-s", "1"],
      /trace\.csv: line 1: the file is empty \(ERR_REPLAY_TRACE\)/,
    ],
    ["NaN in a row", TRACE.replace("-1", "NaN"), ["--trace", "trace.csv", "--cost-s", "1"], /line 3: eth: got "NaN"/],
    ["time going back", TRACE.replace("7200", "3000"), ["--trace", "trace.csv", "--cost-s", "1"], /line 4: t_s falls/],
    ["prices as requests", TRACE, SERVING, /trace\.csv: line 1: the header is "t_s,eth,none" \(ERR_REPLAY_REQUESTS\)/],
    [
      "all that is missing",
      REQUESTS,
      SERVING.slice(0, 4),
      /--requests without --decode-tok-s, --wake-s, --back-s, --usd-per-mtok-in, --usd-per-mtok-out, --mine-usd-h \(ERR_USAGE\): give them too/,
    ],
    ["a speed of 0", REQUESTS, SERVING.with(3, "0"), /--prefill-tok-s: got 0/],
  ];
  test.each(wrong)("refuses %s in one line", async (_title, text, args, line) => {
    const { code, out, err } = await replay(text, ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(line);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});
