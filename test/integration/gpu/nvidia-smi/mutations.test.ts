import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NvidiaSmiError } from "../../../../src/gpu/nvidia-smi/errors.ts";
import { openNvidiaSmi } from "../../../../src/gpu/nvidia-smi/open.ts";
import type { GpuReading, GpuSource } from "../../../../src/gpu/source.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { millis } from "../../../../src/units/time.ts";
import { FakeNvidiaSmi, isRunning } from "../../../support/fake-nvidia-smi.ts";
import { until } from "../../../support/until.ts";

const { signal } = new AbortController();
const folder = resolve(import.meta.dirname, "../../../fixtures/nvidia-smi");
const logs = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
/** A temperature that stands in none of the texts. */
const MARK = 123;
const UUID = "GPU-11111111-1111-1111-1111-111111111111";
const CSV = [
  `${UUID}, 00000000:01:00.0, 101.25, 100.00, 100.00, 255.00, 61, 41, 97, 1201, No, None`,
  `${UUID}, 00000000:01:00.0, [N/A], [N/A], 99.00, 255.00, 61, [N/A], 96, 1201, [N/A], None`,
  "Unable to determine the device handle for GPU0000:01:00.0: Unknown Error",
  "",
].join("\n");

/** Cuts a piece out of `text` and puts another in its place. */
const mutationOf = (text: string): fc.Arbitrary<string> =>
  fc
    .record({
      at: fc.nat(text.length),
      drop: fc.nat(120),
      insert: fc.oneof(
        fc.string({ maxLength: 30, unit: "binary" }),
        fc.constantFrom("\n", ",", ", -5, ", "<gpu>", "</gpu>", "99999999 W", "[GPU is lost]", "<!--"),
      ),
    })
    .map(({ at, drop, insert }) => text.slice(0, at) + insert + text.slice(at + drop));

function expectLabelled(reading: GpuReading): void {
  expect(["ok", "lost", "reset-required", "unknown"]).toContain(reading.health);
  expect(reading.power === undefined).toBe(reading.powerField === undefined);
  expect(reading.power ?? 0).toBeGreaterThanOrEqual(0);
  expect(reading.power ?? 0).toBeLessThanOrEqual(10_000);
  expect(reading.energy).toBeUndefined();
  for (const value of Object.values(reading)) expect(value).not.toBeNaN();
}

const changed = fc.constantFrom(...logs).chain((log) =>
  fc.record({
    stdout: fc.oneof(mutationOf(log), fc.constant(log)),
    raw: mutationOf(CSV),
    first: fc.constant(/GPU-[0-9a-f-]{36}/.exec(log)?.[0] ?? ""),
  }),
);
const running = (program: FakeNvidiaSmi) => program.starts().filter(({ pid }) => isRunning(pid));

test("whatever the program prints, there is a named error or a labelled reading, and never a second process", async () => {
  let read = 0;
  const readAll = async (source: GpuSource, program: FakeNvidiaSmi, last: string) => {
    const infos = await source.list(signal);
    expect(infos.length).toBeGreaterThan(0);
    const marked = infos.find(({ uuid }) => uuid === last)?.uuid;
    // The last line of the query stands behind all that was changed.
    if (marked) await until(async () => (await source.read(marked, signal)).temperatureC === MARK);
    for (const { uuid } of infos) expectLabelled(await source.read(uuid, signal));
    expect(program.xmlStarts()).toHaveLength(1);
    expect(program.queryStarts().length).toBeLessThanOrEqual(1);
    read += 1;
  };
  await fc.assert(
    fc.asyncProperty(changed, async ({ stdout, raw, first }) => {
      const rows = [{ uuid: first, "temperature.gpu": String(MARK) }];
      using program = new FakeNvidiaSmi({ xml: { stdout }, query: { raw: `${raw}\n`, rows, rounds: 1, hangs: true } });
      try {
        const source = await openNvidiaSmi({ clock: systemClock, period: millis(50) });
        if (source) await readAll(source, program, first).finally(() => source.close());
      } catch (error) {
        if (!(error instanceof NvidiaSmiError)) throw error;
      }
      expect(running(program)).toEqual([]);
    }),
    { numRuns: 30 },
  );
  expect(read).toBeGreaterThan(9);
}, 180_000);
