import { beforeEach, expect, test } from "vitest";
import { openConnection } from "../../../src/ledger/connection.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { createSlotSums, type SlotSums } from "../../../src/ledger/sums.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";

let sums: SlotSums;
beforeEach(() => {
  const connection = openConnection(":memory:", { busyTimeoutMs: 0 });
  migrate(connection);
  sums = createSlotSums(connection);
});

test("adds up within a slot and across slots, corrections included", () => {
  sums.add(unixMs(T0), { revenue: usdNano(100), completions: 1 });
  sums.add(unixMs(T0 + 899_999), { revenue: usdNano(-40), tokensOut: 7 });
  sums.add(unixMs(T0 + 900_000), { revenue: usdNano(5) });
  expect(sums.since(unixMs(T0))).toMatchObject({ revenue: 65, completions: 1, tokensOut: 7 });
  expect(sums.since(unixMs(T0 + 900_000))).toMatchObject({ revenue: 5, completions: 0 });
});

test("counts the slot in which the moment lies in full", () => {
  sums.add(unixMs(T0), { sharesAccepted: 3 });
  expect(sums.since(unixMs(T0 + 600_000)).sharesAccepted).toBe(3);
  expect(sums.since(unixMs(T0 + 900_000)).sharesAccepted).toBe(0);
});
