import { expect, test } from "vitest";
import { judgeVisibility, type Visibility } from "../../../src/gpu/visibility.ts";

const gpu = (index: number, tellsPrograms: boolean, tellsMemory: boolean): Visibility => ({
  name: "RTX 3090",
  index,
  tellsPrograms,
  tellsMemory,
});

test.each([
  ["programs and memory", [gpu(0, true, true)], "ok", /can be read/],
  ["programs alone", [gpu(0, true, false)], "ok", /can be read/],
  ["memory alone", [gpu(0, true, true), gpu(1, false, true)], "warn", /^1 of 2 do not list their programs/],
  ["neither", [gpu(0, true, true), gpu(1, false, false)], "warn", /^GPU 1 \(RTX 3090\) .*no handover .* verified/],
] as const)("a GPU that tells %s", (_title, gpus, level, found) => {
  expect(judgeVisibility(gpus)).toMatchObject({ level, found: expect.stringMatching(found) });
});
