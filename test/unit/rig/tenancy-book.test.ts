import { expect, test } from "vitest";
import { usdPerHour } from "../../../src/units/money.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { TenancyBench } from "../../support/tenancy-bench.ts";

test("a ledger that cannot be written is told, wherever nobody waits for it", async () => {
  using bench = new TenancyBench();
  const { tenancy, program } = bench.add([GPU_A], {}, "running");
  tenancy.beginJob(GPU_A);
  program.earnings = usdPerHour(3.6);
  bench.ledger.close();
  await bench.clock.advance(6000);
  tenancy.earn();
  expect(bench.faults).toHaveLength(1);
  program.busy = false;
  expect(await tenancy.end("it is over")).toBeUndefined();
  expect(bench.faults).toHaveLength(3);
});
