export interface TableLayout {
  /** The columns that are right-aligned. */
  readonly right?: ReadonlySet<string>;
  /** Of the terminal; absent where a table may be as wide as it is. */
  readonly columns?: number | undefined;
  /** The columns that a narrow terminal can do without, the first to go first. */
  readonly spare?: readonly string[];
  /** The column of sentences, which stand below their rows where the terminal is narrow. */
  readonly below?: string;
}

const GAP = "  ";
const INDENT = "    ";
const MIN_PROSE = 20;
/** Cells by row; the first row holds the titles. */
type Grid = readonly (readonly string[])[];

/**
 * Text in columns, two spaces apart. On a terminal that is too narrow ids lose their ends, sentences go below their
 * rows, cells break between words, and at last spare columns go, which the last line tells.
 */
export function renderTable(header: readonly string[], rows: Grid, layout: TableLayout = {}): string {
  const { right = new Set<string>(), columns, spare = [], below } = layout;
  const whole = [header, ...rows];
  if (columns === undefined || widthOf(widthsOf(whole)) <= columns)
    return drawRows(whole, widthsOf(whole), right).join("\n");
  const short = shortenIds(whole);
  const sentences = below === undefined ? [] : short.map((row) => sentenceOf(row[header.indexOf(below)], columns));
  const aside = below === undefined ? [] : [below];
  for (let gone = 0; ; gone++) {
    const dropped = spare.slice(0, gone);
    const kept = without(short, [...dropped, ...aside]);
    const widths = squeeze(kept, columns);
    if (widthOf(widths) > columns && gone < spare.length) continue;
    const lines = drawRows(kept, widths, right).map(
      (row, index) => row + (index === 0 ? "" : (sentences[index] ?? "")),
    );
    return [...lines, ...noRoom(header, dropped).map((line) => wrapLines(line, columns))].join("\n");
  }
}

const widthOf = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1);

const mostOf = (grid: Grid, measure: (cell: string) => number): number[] =>
  (grid[0] ?? []).map((_, column) => Math.max(0, ...grid.map((row) => measure(row[column] ?? ""))));

const widthsOf = (grid: Grid): number[] => mostOf(grid, (cell) => cell.length);

/** A number and its unit are one word; a date and its time are two. */
const wordsOf = (cell: string): readonly string[] => cell.split(/(?<!\d) |(?<=\d{4}-\d\d-\d\d) /);

const longestWord = (cell: string): number => Math.max(...wordsOf(cell).map((word) => word.length));

/** The widest column gives first, and none more than its longest word allows. */
function squeeze(grid: Grid, columns: number): readonly number[] {
  const widths = widthsOf(grid);
  const least = mostOf(grid, longestWord);
  for (let excess = widthOf(widths) - columns; excess > 0; excess--) {
    const giving = widths.map((width, column) => (width > (least[column] ?? 0) ? width : 0));
    const widest = giving.indexOf(Math.max(...giving));
    if (giving[widest] === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function without(grid: Grid, titles: readonly string[]): Grid {
  const [header = []] = grid;
  return grid.map((row) => row.filter((_, column) => !titles.includes(header[column] ?? "")));
}

const noRoom = (header: readonly string[], dropped: readonly string[]): readonly string[] =>
  dropped.length === 0
    ? []
    : [
        `no room for ${header.filter((title) => dropped.includes(title)).join(", ")}: widen the terminal, or give --json`,
      ];

const sentenceOf = (sentence: string | undefined, columns: number): string =>
  breakText(sentence ?? "", columns - INDENT.length)
    .map((line) => `\n${INDENT}${line}`)
    .join("");

/** Each row as a text of one or more lines. */
function drawRows(grid: Grid, widths: readonly number[], right: ReadonlySet<string>): readonly string[] {
  const [header = []] = grid;
  const align = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return right.has(header[column] ?? "") ? cell.padStart(width) : cell.padEnd(width);
  };
  return grid.map((row) => {
    const cells = row.map((cell, column) => breakText(cell, widths[column] ?? 0));
    const height = Math.max(1, ...cells.map((lines) => lines.length));
    const lines = Array.from({ length: height }, (_, line) => cells.map((one) => one[line] ?? ""));
    return lines.map((line) => line.map(align).join(GAP).trimEnd()).join("\n");
  });
}

/** Broken between words; a word longer than `width` stays whole. */
function breakText(text: string, width: number): readonly string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  for (const word of wordsOf(text)) {
    const line = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && line.length <= width) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}

/** Prose with its lines broken for the terminal; what follows the first part of a line is indented below it. */
export function wrapLines(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split("\n")
    .map((line) => (line.length <= columns ? line : wrapLine(line, columns)))
    .join("\n");
}

function wrapLine(line: string, columns: number): string {
  const begin = line.length - line.trimStart().length;
  const [first = "", ...rest] = breakText(line.trimStart(), Math.max(MIN_PROSE, columns - begin - INDENT.length));
  const indent = " ".repeat(begin);
  return [indent + first, ...rest.map((one) => indent + INDENT + one)].join("\n");
}

const ID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const LEAST_ID = 8;

/** As much of each id as tells it from all others of the table: of its beginning, or of its end where that is shorter. */
function shortenIds(grid: Grid): Grid {
  const ids = [...new Set(grid.flat().flatMap((cell) => cell.match(ID) ?? []))];
  const [head, tail] = [
    lengthOf(ids, (id, length) => id.slice(0, length)),
    lengthOf(ids, (id, length) => id.slice(-length)),
  ];
  const shorten = (id: string) => (head <= tail ? `${id.slice(0, head)}…` : `…${id.slice(-tail)}`);
  return grid.map((row) => row.map((cell) => cell.replace(ID, shorten)));
}

/** The least length at which no two pieces are the same. */
function lengthOf(ids: readonly string[], cut: (id: string, length: number) => string): number {
  let length = LEAST_ID;
  while (new Set(ids.map((id) => cut(id, length))).size < ids.length) length++;
  return length;
}
