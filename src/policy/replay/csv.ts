import { ReplayError } from "../errors.ts";

type Code = "ERR_REPLAY_TRACE" | "ERR_REPLAY_REQUESTS";

export interface NumberTable {
  readonly header: readonly string[];
  /** All rows behind each other, `header.length` numbers each. */
  readonly cells: Float64Array;
  readonly rows: number;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The fault of one line of a recording, said so that a person finds it. */
export const atLine = (code: Code, line: number, what: string, mend: string): ReplayError =>
  new ReplayError(`line ${line}: ${what}`, { code, mend });

/** A CSV of plain numbers under one header line; throws `code` with the line of the first fault. */
export function parseNumbers(text: string, code: Code): NumberTable {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === "") lines.pop();
  const [first] = lines;
  if (first === undefined) throw atLine(code, 1, "the file is empty", "give a header line and at least two rows");
  const header = first.split(",").map((name) => name.trim());
  const width = header.length;
  const rows = lines.length - 1;
  const cells = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const parts = (lines[row + 1] ?? "").split(",");
    if (parts.length !== width)
      throw atLine(code, row + 2, `${parts.length} cells under ${width} columns`, "give every column one number");
    for (let column = 0; column < width; column++)
      cells[row * width + column] = toNumber(parts[column] ?? "", () => ({
        code,
        line: row + 2,
        name: header[column] ?? "",
      }));
  }
  return { header, cells, rows };
}

function toNumber(cell: string, place: () => { code: Code; line: number; name: string }): number {
  const text = cell.trim();
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const { code, line, name } = place();
  const got = text === "" ? "nothing" : JSON.stringify(text.slice(0, 40));
  throw atLine(code, line, `${name}: got ${got}`, "give a plain finite number, such as 0.0831");
}
