import { describe, expect, test } from "vitest";
import { renderTable } from "../../../src/cli/table.ts";

const HEADER = ["GPU", "WORKLOAD", "NET/H", "WHY"];
const ROWS = [
  ["GPU-11111111-2222-3333-4444-555555555555", "hashing ravencoin", "$0.01", "It pays more than anything else does."],
  ["GPU-11111111-9999-3333-4444-555555555555", "rest", "−$0.001", "Nothing else pays."],
];
const RIGHT = new Set(["NET/H"]);
const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

describe("a table", () => {
  test("is as wide as it is where nobody watches", () => {
    const [head, first] = renderTable(HEADER, ROWS, { right: RIGHT }).split("\n");
    expect(head).toBe(`GPU${" ".repeat(39)}WORKLOAD             NET/H  WHY`);
    expect(first).toContain("GPU-11111111-2222-3333-4444-555555555555  hashing ravencoin    $0.01  It pays more");
  });

  test("keeps whole ids on a terminal that is wide enough", () => {
    expect(renderTable(HEADER, ROWS, { columns: 120 })).toBe(renderTable(HEADER, ROWS));
  });

  test("shortens ids on a narrower one, and never so far that two look the same", () => {
    const text = renderTable(HEADER, ROWS, { right: RIGHT, columns: 90 });
    expect(text.split("\n")).toEqual([
      "GPU              WORKLOAD             NET/H  WHY",
      "GPU-11111111-2…  hashing ravencoin    $0.01  It pays more than anything else does.",
      "GPU-11111111-9…  rest               −$0.001  Nothing else pays.",
    ]);
  });

  test("shortens ids that only differ at their end from the front", () => {
    const ids = ["SIM-00000000-0000-0000-0000-000000000000", "SIM-00000000-0000-0000-0000-000000000007"];
    expect(
      renderTable(
        ["GPU"],
        ids.map((id) => [id]),
        { columns: 20 },
      ),
    ).toBe("GPU\nSIM-…00000000\nSIM-…00000007");
  });

  test("breaks cells between words, the widest first, and keeps a number with its unit", () => {
    const text = renderTable(["NAME", "RATE"], [["0 NVIDIA GeForce RTX 3090", "45.0 MH/s effective"]], { columns: 30 });
    expect(text.split("\n")).toEqual([
      "NAME            RATE",
      "0 NVIDIA        45.0 MH/s",
      "GeForce RTX     effective",
      "3090",
    ]);
  });

  test("puts sentences below their rows before it breaks anything", () => {
    const text = renderTable(HEADER, ROWS, { right: RIGHT, columns: 50, below: "WHY" });
    expect(text.split("\n")).toEqual([
      "GPU              WORKLOAD             NET/H",
      "GPU-11111111-2…  hashing ravencoin    $0.01",
      "    It pays more than anything else does.",
      "GPU-11111111-9…  rest               −$0.001",
      "    Nothing else pays.",
    ]);
  });

  test("drops spare columns last, in their order, and says which", () => {
    const text = renderTable(["A", "BBBBBBBBBB", "CCCCCCCCCC", "D"], [["a", "bbbbbbbbbb", "c", "d"]], {
      columns: 20,
      spare: ["CCCCCCCCCC", "BBBBBBBBBB"],
    });
    expect(text.split("\n")).toEqual([
      "A  BBBBBBBBBB  D",
      "a  bbbbbbbbbb  d",
      "no room for",
      "    CCCCCCCCCC: widen",
      "    the terminal, or",
      "    give --json",
    ]);
  });

  test.each([80, 100, 120])("of a rig's GPUs stays within %d columns", (columns) => {
    const header = ["GPU", "WORKLOAD", "STATE", "SINCE", "POWER", "RATE", "NET/H (INVENTED)", "WHY"];
    const row = [
      "0 NVIDIA GeForce RTX 3090",
      "hashing ravencoin-2miners",
      "verifying-free",
      "12 min 3 s",
      "301.2 W counter",
      "45.0 MH/s effective + 1.20 GH/s effective",
      "−$0.0123",
      "Hashing ravencoin-2miners nets $0.0123 an hour: 45.0 MH/s at 1.2e-7 USD/TH, less $0.03 for 301 W; it pays most.",
    ];
    const text = renderTable(header, [row, row], { columns, below: "WHY", spare: ["SINCE", "STATE"] });
    expect(widest(text)).toBeLessThanOrEqual(columns);
    expect(text).toContain("45.0 MH/s");
  });

  test("of nothing is its titles", () => {
    expect(renderTable(["A", "B"], [], { columns: 2 })).toBe("A  B");
  });
});
