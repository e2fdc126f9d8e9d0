import { expect, test } from "vitest";
import { openCpu } from "../../../src/gpu/cpu.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { watts } from "../../../src/units/energy.ts";

const { signal } = new AbortController();

test("this machine's CPU has an id and a name, and its energy only grows", async () => {
  const source = openCpu({ clock: systemClock, model: { idle: watts(10), max: watts(65) }, fallbackId: "test" });
  const [info] = await source.list(signal);
  expect(info?.uuid).toMatch(/^CPU-[0-9a-f-]{36}$/);
  expect(info?.name.length).toBeGreaterThan(2);
  if (!info) return;
  const first = await source.read(info.uuid, signal);
  const until = performance.now() + 300;
  while (performance.now() < until) Math.sqrt(until);
  const second = await source.read(info.uuid, signal);
  expect(second.epoch).toBe(first.epoch);
  expect(["counter", "assumed"]).toContain(second.energyBasis);
  const watt = ((second.energy ?? 0) - (first.energy ?? 0)) / (second.monotonic - first.monotonic);
  expect(watt).toBeGreaterThan(1);
  expect(watt).toBeLessThan(1500);
  expect(second.utilizationPercent).toBeGreaterThan(5);
});
