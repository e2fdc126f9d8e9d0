import { expect, test } from "vitest";
import { openSimulated } from "../../../../src/gpu/simulated/source.ts";
import { watts } from "../../../../src/units/energy.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

const { signal } = new AbortController();
const UUID = "SIM-00000000-0000-0000-0000-000000000000";
const GRAPHICS = { domain: "graphics", lowestMhz: 300, highestMhz: 900 } as const;

function open(...lines: readonly string[]) {
  using directory = new TemporaryDirectory();
  const clock = new ManualClock();
  const source = openSimulated({ clock, scriptFile: directory.write("gpus.script", lines.join("\n")) });
  return { clock, source, control: source.control, read: () => source.read(UUID, signal) };
}

type Opened = ReturnType<typeof open>;

const limit = ({ control }: Opened, value: number) => control?.setPowerLimit(UUID, watts(value), signal);

test("a limit caps the power from the moment it is set, and the counter with it", async () => {
  const opened = open("gpu 0 power 300", "gpu 0 limit 350", "@3000 gpu 0 power 120");
  await opened.clock.advance(1000);
  expect(await limit(opened, 200)).toEqual({ kind: "done" });
  expect(await opened.read()).toMatchObject({ power: 200, powerLimit: 200, energy: 300_000 });
  await opened.clock.advance(1000);
  expect(await opened.read()).toMatchObject({ power: 200, energy: 500_000 });
  expect(await limit(opened, 350)).toEqual({ kind: "done" });
  await opened.clock.advance(1000);
  expect(await opened.read()).toMatchObject({ power: 120, powerLimit: 350, energy: 800_000 });
});

test("a limit caps only the high part of a pulse, whose beat goes on", async () => {
  const opened = open("gpu 0 pulse 100 50 250 0.5", "gpu 0 limit 350");
  await opened.clock.advance(1030);
  await limit(opened, 150);
  await opened.clock.advance(10);
  expect(await opened.read()).toMatchObject({ power: 150, energy: 150_000 + 30 * 250 + 10 * 150 });
  await opened.clock.advance(20);
  expect((await opened.read()).power).toBe(50);
});

test("a reload of the driver takes back what was set", async () => {
  const opened = open("gpu 0 power 300", "gpu 0 limit 350", "gpu 0 clocks 1500 7000", "@1000 upgrade 570.1");
  await limit(opened, 200);
  await opened.control?.lockClocks(UUID, GRAPHICS, signal);
  expect(await opened.read()).toMatchObject({ power: 200 });
  await opened.clock.advance(2000);
  expect(await opened.read()).toMatchObject({ power: 300, energy: 300_000, driverVersion: "570.1" });
  expect(await opened.control?.readSettings(UUID, signal)).toMatchObject({ powerLimit: 350, graphicsMhz: 1500 });
});

test("clocks are held by their locks, each domain by its own", async () => {
  const { control } = open("gpu 0 clocks 1500 7000");
  expect(await control?.lockClocks(UUID, GRAPHICS, signal)).toEqual({ kind: "done" });
  expect(await control?.readSettings(UUID, signal)).toEqual({ graphicsMhz: 900, memoryMhz: 7000 });
  expect(await control?.resetClocks(UUID, "graphics", signal)).toEqual({ kind: "done" });
  expect(await control?.readSettings(UUID, signal)).toEqual({ graphicsMhz: 1500, memoryMhz: 7000 });
});

const REFUSED = [
  ["not-supported", "a board that tells no limit", ["gpu 0 power 100"], 90],
  ["no-permission", "a user who may not", ["gpu 0 limit 100", "gpu 0 control no-permission"], 90],
  ["out-of-range", "less than the board allows", ["gpu 0 limit 100", "gpu 0 limit-range 50 120"], 49],
  ["out-of-range", "more than the board allows", ["gpu 0 limit 100", "gpu 0 limit-range 50 120"], 121],
  ["out-of-range", "more than the limit where no range is told", ["gpu 0 limit 100"], 101],
  ["out-of-range", "no number", ["gpu 0 limit 100"], Number.NaN],
] as const;

for (const [reason, title, lines, value] of REFUSED)
  test(`${title} is refused as ${reason}`, async () => {
    expect(await limit(open(...lines), value)).toEqual({ kind: "refused", reason });
  });

test("a board that tells no clocks cannot lock them, and bounds must be in order", async () => {
  expect(await open("gpu 0 power 1").control?.lockClocks(UUID, GRAPHICS, signal)).toEqual({
    kind: "refused",
    reason: "not-supported",
  });
  const turned = { domain: "memory", lowestMhz: 9, highestMhz: 8 } as const;
  expect(await open("gpu 0 clocks 1 2").control?.lockClocks(UUID, turned, signal)).toEqual({
    kind: "refused",
    reason: "out-of-range",
  });
});

test("nothing can be set on a GPU that is lost or let go of", async () => {
  const opened = open("gpu 0 power 300", "gpu 0 limit 350", "@1000 gpu 0 state lost");
  expect(await opened.source.release?.()).toEqual({ kind: "released" });
  expect(await limit(opened, 200)).toEqual({ kind: "unavailable" });
  await opened.source.resume?.();
  expect(await limit(opened, 200)).toEqual({ kind: "done" });
  await opened.clock.advance(1000);
  expect(await limit(opened, 200)).toEqual({ kind: "unavailable" });
});

test("a GPU that was let go of is unknown, and goes on in its epoch when it is taken up again", async () => {
  const { clock, source, read } = open("gpu 0 power 100");
  const { epoch } = await read();
  await source.release?.();
  await clock.advance(1000);
  expect(await read()).toEqual({ uuid: UUID, at: clock.now(), monotonic: 1000, health: "unknown", epoch });
  await source.resume?.();
  expect(await read()).toMatchObject({ health: "ok", energy: 100_000, epoch });
});
