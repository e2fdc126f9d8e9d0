import { expect, test } from "vitest";
import { toPoolView } from "../../../src/api/pool-view.ts";
import type { StratumProxy } from "../../../src/mining/stratum/proxy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { flightSheet } from "../../support/flight-sheet.ts";

const URL = "stratum+tcp://pool.example.org:3333";
const at = unixMs(1_700_000_000_000);
const proxy = (url: string, foreign: ReturnType<StratumProxy["foreign"]> = []) => ({
  state: () => ({ state: "connected" as const, url, since: at }),
  foreign: () => foreign,
});
const sheet = (...urls: string[]) => flightSheet({ pools: urls.map((url) => ({ url })) });

test("a pool is shown by its address, the embedded one by its name", () => {
  const embedded = "stratum+tcp://127.0.0.1:40123";
  expect(toPoolView({ proxy: proxy(URL), sheet: sheet(URL, "devpool") })).toEqual({
    sheet: "devcoin",
    url: URL,
    state: "connected",
    difficulty: null,
    sinceMs: at,
    reason: null,
    foreign: [],
  });
  expect(toPoolView({ proxy: proxy(embedded), sheet: sheet(URL, "devpool") }).url).toBe("devpool");
});

test("a login that is not the rig's own is shown with its shares, harmless and cut to length", () => {
  const counts = { accepted: 3, rejected: 1, unknown: 2, expectedHashes: 9e9, since: at, last: unixMs(at + 5) };
  const { foreign } = toPoolView({
    proxy: proxy(URL, [{ worker: `\u001b[31mdev${"x".repeat(500)}`, ...counts }]),
    sheet: sheet(URL),
  });
  expect(foreign).toEqual([
    {
      login: ` [31mdev${"x".repeat(120)}`,
      sharesAccepted: 3,
      sharesRejected: 1,
      sharesUnknown: 2,
      expectedHashes: 9e9,
      sinceMs: at,
      lastMs: at + 5,
    },
  ]);
});
