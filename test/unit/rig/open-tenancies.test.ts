import { expect, test } from "vitest";
import type { ExternalStay } from "../../../src/ledger/external-stays.ts";
import { leftOf } from "../../../src/rig/open-tenancies.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";

const stay = (state: ExternalStay["state"], bootId?: string): ExternalStay => ({
  name: "vast",
  gpu: GPU_A,
  state,
  at: unixMs(T0),
  bootId,
  hookEnds: undefined,
  hookPid: undefined,
  hookTicks: undefined,
});

const rows = [
  ["nothing where none was begun", [], "boot-1", undefined],
  ["running in the same boot", [stay("running", "boot-1")], "boot-1", "running"],
  ["to be asked after another boot, which no program outlives", [stay("running", "boot-1")], "boot-2", "starting"],
  ["running where nobody tells the boot", [stay("running")], "boot-2", "running"],
  ["to be asked where its start was not seen through", [stay("starting", "boot-1")], "boot-1", "starting"],
  ["to be asked where its end was not seen through", [stay("stopping", "boot-1")], "boot-1", "starting"],
] as const;
for (const [title, stays, bootId, expected] of rows)
  test(`what an earlier agent left is ${title}`, () => expect(leftOf(stays, bootId)).toBe(expected));
