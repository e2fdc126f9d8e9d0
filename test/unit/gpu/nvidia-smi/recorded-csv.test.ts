import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { firstFields, parseLine } from "../../../../src/gpu/nvidia-smi/query.ts";
import { readRecorded, recordedData, recordedPath } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const MASKED = "GPU-00000000-0000-0000-0000-000000000000";

/** instant W, limit W, °C, fan %, load %, VRAM MiB; null is absent. Read off the recordings by hand. */
type Row = readonly [string, number, number, number, number | null, number | null, number];
const rows: readonly Row[] = [
  ["linux-x86_64__nvidia-geforce-rtx-2080-super__595.71.05__idle", 39.32, 250, 40, 38, 0, 214],
  ["linux-x86_64__nvidia-geforce-rtx-2080-super__595.71.05__load", 111.5, 250, 45, 38, 8, 819],
  ["linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04__idle", 39.17, 250, 33, 38, 0, 211],
  ["linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04__load", 98.14, 250, 38, 38, 8, 815],
  ["linux-x86_64__nvidia-geforce-rtx-4080-super__595.71.05__idle", 28.77, 320, 43, 0, 0, 596],
  ["linux-x86_64__nvidia-geforce-rtx-4080-super__595.71.05__load", 86.41, 320, 46, 0, 7, 1474],
  ["linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01__idle", 69.62, 700, 41, null, 0, 0],
  ["linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01__load", 625.68, 700, 59, null, 100, 19818],
  ["linux-x86_64__nvidia-h100-mig__590.48.01__idle", 70.72, 700, 42, null, null, 59],
  ["linux-x86_64__nvidia-h100-mig__590.48.01__load", 447.35, 700, 53, null, null, 11125],
  ["linux-x86_64__nvidia-h200__590.48.01__idle", 78.21, 700, 28, null, 0, 0],
  ["linux-x86_64__nvidia-h200__590.48.01__load", 626.26, 700, 52, null, 100, 32362],
  ["windows-x86_64__nvidia-geforce-rtx-2080-super__591.86__idle", 38.92, 250, 40, 37, 0, 702],
  ["windows-x86_64__nvidia-geforce-rtx-2080-super__591.86__load", 97.43, 250, 45, 38, 7, 1296],
];
const machines = [...new Set(rows.map(([name]) => name.replace(/__(?:idle|load)$/, "")))];
const folder = "01-nvidia-smi/query-gpu";
const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line.trim() !== "");
const toFields = (header: string): readonly string[] =>
  header.split(",").map((name) => name.trim().split(" [")[0] ?? "");
const readCapture = (machine: string): string =>
  gunzipSync(readFileSync(recordedPath(`01-nvidia-smi/captures/${machine}.txt.gz`))).toString("utf8");

const present = (value: number | null, name: string) => (value === null ? {} : { [name]: value });
const expectedOf = ([, power, powerLimit, temperatureC, fan, load, vramUsedMiB]: Row) => ({
  kind: "sample",
  uuid: MASKED,
  sample: {
    ...{ health: "ok", power, powerField: "instant", powerLimit, temperatureC, vramUsedMiB },
    ...present(fan, "fanPercent"),
    ...present(load, "utilizationPercent"),
  },
});

describe("the query", () => {
  for (const row of rows) {
    const path = `${folder}/${row[0]}__query-gpu.csv`;
    testWith(recordedData(path), `${row[0]} is read as it was recorded`, () => {
      const [header = "", ...lines] = linesOf(readRecorded(path));
      expect(lines.map((line) => parseLine(line, toFields(header)))).toEqual([expectedOf(row)]);
    });

    testWith(recordedData(path), `${row[0]} is no reading when it is cut anywhere before its last cell`, () => {
      const [header = "", line = ""] = linesOf(readRecorded(path));
      const cut = Array.from({ length: 50 }, (_, part) =>
        line.slice(0, Math.floor((line.lastIndexOf(",") * part) / 50)),
      );
      expect(cut.map((text) => parseLine(text, toFields(header)).kind)).toEqual(cut.map(() => "unknown"));
    });
  }
});

describe("the whole capture", () => {
  for (const machine of machines) {
    const source = recordedData(`01-nvidia-smi/captures/${machine}.txt.gz`);
    testWith(source, `${machine}: its driver knows every field that is asked for, but the one that it dropped`, () => {
      const known = new Set([...readCapture(machine).matchAll(/^"([\w.]+)"/gm)].map(([, name]) => name));
      expect(firstFields().filter((field) => !known.has(field))).toEqual(["reset_status.reset_required"]);
    });

    testWith(source, `${machine}: idle and load are the only readings among its lines`, () => {
      const lines = readCapture(machine).split("\n");
      const header = lines.find((line) => line.startsWith("timestamp, driver_version,")) ?? "";
      const readings = lines.map((line) => parseLine(line, toFields(header))).filter(({ kind }) => kind !== "unknown");
      const states = rows.filter(([name]) => name.startsWith(`${machine}__`));
      expect(readings).toEqual(states.map(expectedOf));
    });
  }
});

testWith(recordedData(folder), "tables of another kind are never taken for readings", () => {
  const others = readdirSync(recordedPath(folder)).filter((name) => !name.endsWith("__query-gpu.csv"));
  expect(others).toHaveLength(28);
  const kinds = others.flatMap((name) =>
    linesOf(readRecorded(`${folder}/${name}`)).map((line) => parseLine(line, firstFields()).kind),
  );
  expect(new Set(kinds)).toEqual(new Set(["unknown"]));
});

test("no recording is left out", (context) => {
  const { name, mend, present: isThere } = recordedData(folder);
  context.skip(!isThere(), `needs ${name}: ${mend}`);
  const files = readdirSync(recordedPath(folder)).filter((file) => file.endsWith("__query-gpu.csv"));
  expect(files.sort()).toEqual(rows.map(([file]) => `${file}__query-gpu.csv`).sort());
});
