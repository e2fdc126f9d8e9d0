import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fewerFields, firstFields, parseLine, toArguments } from "../../../../src/gpu/nvidia-smi/query.ts";
import { millis } from "../../../../src/units/time.ts";

const UUID = "GPU-12345678-aaaa-bbbb-cccc-0123456789ab";
const fields = ["uuid", "pci.bus_id", "power.draw.instant", "power.draw.average", "power.draw", "temperature.gpu"];
const line = (...cells: string[]): string => cells.join(", ");
const BUS = "00000000:0C:00.0";

test("a line without units is a sample, with the instant power before the average", () => {
  expect(parseLine(line(UUID, BUS, "39.32", "40.1", "40.1", "51"), fields)).toEqual({
    kind: "sample",
    uuid: UUID,
    sample: { health: "ok", power: 39.32, powerField: "instant", temperatureC: 51 },
  });
});

const powers = [
  ["[N/A]", "40.10", "40.10", [40.1, "average"], "no instant value"],
  ["[N/A]", "[N/A]", "40.10", [40.1, "draw"], "an old driver"],
  ["[Not Supported]", "[Unknown Error]", "[N/A]", [undefined, undefined], "no value at all"],
  ["26.2 W", "28 W", "28 W", [26.2, "instant"], "units were printed all the same"],
] as const;
for (const [instant, average, draw, [power, powerField], why] of powers)
  test(`power is ${power ?? "absent"}, from ${powerField ?? "no field"}: ${why}`, () => {
    const parsed = parseLine(line(UUID, BUS, instant, average, draw, "51"), fields);
    expect(parsed.kind === "sample" && [parsed.sample.power, parsed.sample.powerField]).toEqual([power, powerField]);
  });

test("a driver that asks for a reset is heard", () => {
  const asked = ["uuid", "gpu_recovery_action", "reset_status.reset_required"];
  const healthOf = (recovery: string, required: string) => {
    const parsed = parseLine(line(UUID, recovery, required), asked);
    return parsed.kind === "sample" ? parsed.sample.health : parsed.kind;
  };
  expect(healthOf("None", "No")).toBe("ok");
  expect(healthOf("[N/A]", "Yes")).toBe("reset-required");
  expect(healthOf("Reset", "[N/A]")).toBe("reset-required");
  expect(healthOf("Reboot", "[N/A]")).toBe("reset-required");
  expect(healthOf("Drain P2P", "[N/A]")).toBe("ok");
  expect(healthOf("[GPU requires reset]", "[N/A]")).toBe("reset-required");
});

describe("a lost GPU", () => {
  test("is known by its id while the driver still knows it", () => {
    const lost = line(UUID, BUS, "[GPU is lost]", "[GPU is lost]", "[GPU is lost]", "[GPU is lost]");
    expect(parseLine(lost, fields)).toEqual({ kind: "sample", uuid: UUID, sample: { health: "lost" } });
  });

  test("is known by its place when even its id is lost", () => {
    const lost = line("[GPU is lost]", BUS, "[GPU is lost]", "", "", "");
    expect(parseLine(lost, fields)).toEqual({ kind: "trouble", pciBusId: BUS, health: "lost" });
  });

  const notices = [
    ["Unable to determine the device handle for GPU 0000:0C:00.0: GPU is lost.  Reboot the system", "lost"],
    ["Unable to determine the device handle for GPU0000:0c:00.0: Unknown Error", "lost"],
    ["Unable to determine the device handle for GPU1: 0000:0C:00.0: Unknown Error", "lost"],
    ["Unable to determine the device handle for GPU 0000:0C:00.0: GPU requires reset", "reset-required"],
  ] as const;
  for (const [notice, health] of notices)
    test(`is known from "${notice.slice(40)}"`, () => {
      expect(parseLine(notice, fields)).toEqual({ kind: "trouble", pciBusId: BUS, health });
    });
});

describe("what is no reading", () => {
  const rows = [
    ["", "an empty line"],
    [line(UUID, BUS, "39.32"), "a line that was cut"],
    [line(UUID, BUS, "1", "2", "3", "4", "5"), "a line with a cell too many"],
    ["uuid, pci.bus_id, power.draw.instant [W], power.draw.average [W], power.draw [W], temperature.gpu", "a header"],
    [line("GPU-1234", BUS, "1", "2", "3", "4"), "an id that is none"],
    [line("MIG-12345678-aaaa-bbbb-cccc-0123456789ab", BUS, "1", "2", "3", "4"), "a part of a GPU"],
    ["No devices were found", "a notice"],
    ["Unable to determine the device handle for GPU1: Unknown Error", "a GPU without its place"],
    [`${"\u0000".repeat(200)}`, "garbage"],
  ] as const;
  for (const [text, why] of rows)
    test(`${why} is passed over`, () => {
      expect(parseLine(text, fields)).toEqual({ kind: "unknown" });
    });
});

test("a field that the driver does not know is named", () => {
  const notice = 'Field "power.draw.instant" is not a valid field to query.';
  expect(parseLine(notice, fields)).toEqual({ kind: "unknown-field", field: "power.draw.instant" });
});

describe("asking for less", () => {
  test("leaves out what was named, and nothing else", () => {
    const left = fewerFields(firstFields(), new Set(["gpu_recovery_action"]));
    expect(left).toEqual(firstFields().filter((field) => field !== "gpu_recovery_action"));
  });

  test("falls to what every driver knows when nothing usable was named", () => {
    expect(fewerFields(firstFields(), new Set())).toContain("power.draw");
    expect(fewerFields(firstFields(), new Set(["uuid"]))?.length).toBeLessThan(firstFields().length);
  });

  test("ends, whatever is named", () => {
    let fields: readonly string[] | undefined = firstFields();
    let steps = 0;
    while (fields !== undefined && steps < 100) {
      steps += 1;
      fields = fewerFields(fields, new Set([fields.at(-1) ?? ""]));
    }
    expect(steps).toBeLessThan(firstFields().length + 2);
    expect(fewerFields(["uuid", "pci.bus_id"], new Set(["uuid"]))).toBeUndefined();
  });
});

test("the program is asked for numbers without header and units, again and again", () => {
  expect(toArguments(["uuid", "power.draw"], millis(100))).toEqual([
    "--query-gpu=uuid,power.draw",
    "--format=csv,noheader,nounits",
    "--loop-ms=100",
  ]);
});

test("a line that was changed anywhere is a sound sample or none", () => {
  const good = line(UUID, BUS, "39.32", "[N/A]", "40.1", "51");
  const changed = fc
    .record({ at: fc.nat(good.length), drop: fc.nat(20), insert: fc.string({ maxLength: 12, unit: "binary" }) })
    .map(({ at, drop, insert }) => good.slice(0, at) + insert + good.slice(at + drop));
  fc.assert(
    fc.property(changed, (text) => {
      const parsed = parseLine(text, fields);
      if (parsed.kind !== "sample") return;
      const { health, power, powerField, temperatureC = 0 } = parsed.sample;
      expect(parsed.uuid).toMatch(/^GPU-[0-9a-f-]{36}$/i);
      expect(health).toBe("ok");
      expect(power === undefined).toBe(powerField === undefined);
      expect(power ?? 0).toBeGreaterThanOrEqual(0);
      expect(power ?? 0).toBeLessThanOrEqual(10_000);
      expect(temperatureC).toBeLessThanOrEqual(250);
    }),
    { numRuns: 1000 },
  );
});
