import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NvidiaSmiError } from "../../../../src/gpu/nvidia-smi/errors.ts";
import { type Inventory, parseInventory } from "../../../../src/gpu/nvidia-smi/parse-xml.ts";
import { toDocument } from "../../../support/fake-nvidia-smi.ts";

const UUID = "GPU-12345678-aaaa-bbbb-cccc-0123456789ab";
const folder = resolve(import.meta.dirname, "../../../fixtures/nvidia-smi");
const fixtures = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
const logOf = (...gpus: readonly string[]): unknown =>
  toDocument(`<nvidia_smi_log>${gpus.map((gpu) => `<gpu>${gpu}</gpu>`).join("")}</nvidia_smi_log>`);
const uuidOf = (n: number): string => `GPU-00000000-0000-0000-0000-${String(n).padStart(12, "0")}`;

describe("what is no log is refused, with the element that is wrong", () => {
  const rows = [
    [null, "nvidia_smi_log", "nothing was printed"],
    ["text", "nvidia_smi_log", "no XML"],
    [toDocument("<html/>"), "nvidia_smi_log", "another document"],
    [toDocument("<nvidia_smi_log/>"), "nvidia_smi_log", "an empty log"],
    [toDocument("<__proto__><nvidia_smi_log><gpu/></nvidia_smi_log></__proto__>"), "nvidia_smi_log", "a forged one"],
    [logOf("<uuid>N/A</uuid>"), "gpu/uuid", "no GPU has an id"],
    [logOf(`<uuid>${UUID}</uuid><uuid>${UUID}</uuid>`), "gpu/uuid", "an id twice in one GPU"],
    [logOf("<uuid>GPU-$(reboot)</uuid>"), "gpu/uuid", "an id that would be dangerous elsewhere"],
    [logOf(`<uuid>${UUID}</uuid>`, `<uuid>${UUID}</uuid>`), "gpu/uuid", "two GPUs of one id"],
    [logOf(...Array.from({ length: 65 }, (_, n) => `<uuid>${uuidOf(n)}</uuid>`)), "gpu", "too many GPUs"],
  ] as const;
  for (const [document, field, why] of rows)
    test(`${why}: <${field}>`, () => {
      expect(() => parseInventory(document)).toThrow(
        expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_NVIDIA_SMI_OUTPUT", field }) }),
      );
    });
});

test("a machine without GPUs has an empty inventory", () => {
  const document = toDocument(
    "<nvidia_smi_log><driver_version>535.1</driver_version><attached_gpus>0</attached_gpus></nvidia_smi_log>",
  );
  expect(parseInventory(document)).toEqual({ driverVersion: "535.1", gpus: [], unreadable: 0 });
});

test("one GPU without an id does not hide the others, and keeps its place in the order", () => {
  const { gpus, unreadable } = parseInventory(logOf("<uuid>Unknown Error</uuid>", `<uuid>${UUID}</uuid>`));
  expect(gpus.map(({ info }) => [info.uuid, info.index, info.name])).toEqual([[UUID, 1, "NVIDIA GPU"]]);
  expect(unreadable).toBe(1);
});

test("an element that stands twice is absent, not guessed", () => {
  const [gpu] = parseInventory(logOf(`<uuid>${UUID}</uuid><fan_speed>3 %</fan_speed><fan_speed>9 %</fan_speed>`)).gpus;
  expect(gpu?.sample).toEqual({ health: "ok" });
});

test("a process only draws where every line about it says so", () => {
  const lines = [
    [1, "G"],
    [2, "C"],
    [3, "C+G"],
    [4, "G"],
    [4, "C"],
    [5, "G"],
    [5, "G"],
  ].map(([pid, type]) => `<process_info><pid>${pid}</pid><type>${type}</type></process_info>`);
  const [gpu] = parseInventory(logOf(`<uuid>${UUID}</uuid><processes>${lines.join("")}</processes>`)).gpus;
  expect(gpu?.processes?.filter(({ onlyDraws }) => onlyDraws).map(({ pid }) => pid)).toEqual([1, 5]);
});

test("processes without a sound pid are passed over", () => {
  const pids = ["12", "0", "-3", "1e3", "99999999999", "x"].map(
    (pid) => `<process_info><pid>${pid}</pid></process_info>`,
  );
  const [gpu] = parseInventory(logOf(`<uuid>${UUID}</uuid><processes>${pids.join("")}</processes>`)).gpus;
  expect(gpu?.processes).toEqual([{ pid: 12 }]);
});

/** Every number that came through is one that hardware can have. */
function expectSound({ gpus }: Inventory): void {
  for (const { info, sample, processes = [] } of gpus) {
    expect(info.uuid).toMatch(/^GPU-[0-9a-f-]{36}$/i);
    expect(info.name.length).toBeLessThanOrEqual(128);
    expect(["ok", "lost", "reset-required"]).toContain(sample.health);
    expect(sample.power === undefined).toBe(sample.powerField === undefined);
    const { health: _, powerField: __, ...numbers } = sample;
    for (const value of [...Object.values(numbers), info.vramTotalMiB ?? 0, ...processes.map(({ pid }) => pid)]) {
      expect(Number.isFinite(value)).toBe(true);
      expect(Math.abs(Number(value))).toBeLessThan(2 ** 40);
    }
  }
}

const mutated = fc
  .record({
    xml: fc.constantFrom(...fixtures),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.integer({ min: 0, max: 400 }),
    insert: fc.oneof(
      fc.string({ maxLength: 40, unit: "binary" }),
      fc.constantFrom(
        "<gpu>",
        "</gpu>",
        "<uuid>",
        "]]>",
        "&bomb;",
        "<__proto__>",
        "-1 W",
        "9999999999 W",
        "NaN",
        "<!--",
      ),
    ),
  })
  .map(({ xml, at, drop, insert }) => {
    const start = Math.floor(at * xml.length);
    return xml.slice(0, start) + insert + xml.slice(start + drop);
  });

test("a log that was changed anywhere is sound or refused with a named error", () => {
  fc.assert(
    fc.property(mutated, (xml) => {
      let document: unknown;
      try {
        document = toDocument(xml);
      } catch (error) {
        // The XML parser's own complaint; the reader names it.
        expect(error).toBeInstanceOf(Error);
        return;
      }
      try {
        expectSound(parseInventory(document));
      } catch (error) {
        if (!(error instanceof NvidiaSmiError)) throw error;
        expect(error.facts.code).toBe("ERR_NVIDIA_SMI_OUTPUT");
      }
    }),
    { numRuns: 300 },
  );
});

test("objects of any other shape are sound or refused with a named error", () => {
  const gpu = fc.record({
    uuid: fc.constant(UUID),
    power_readings: fc.jsonValue(),
    processes: fc.jsonValue(),
    $: fc.jsonValue(),
  });
  const log = fc.record({
    nvidia_smi_log: fc.oneof(fc.jsonValue(), fc.record({ gpu: fc.oneof(gpu, fc.jsonValue()) })),
  });
  fc.assert(
    fc.property(log, (document) => {
      try {
        expectSound(parseInventory(document));
      } catch (error) {
        if (!(error instanceof NvidiaSmiError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
