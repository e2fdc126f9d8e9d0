import { z } from "zod";
import { flag, list, section } from "./fields.ts";
import { faultsOf, minedBy, type SheetFields, sheetForms, toSheet } from "./sheet-schema.ts";

type PlainFields = Partial<Omit<SheetFields, "name">>;

interface MiningFields extends PlainFields {
  readonly enabled: boolean;
  readonly sheets?: readonly SheetFields[];
}

/** The form without `sheets` is one flight sheet, which is named after its coin. */
function sheetsOf({ enabled: _, sheets, ...plain }: MiningFields): readonly SheetFields[] {
  if (sheets !== undefined) return sheets;
  const { coin = "devcoin", algorithm = "sha256d", pools = [] } = plain;
  return [{ ...plain, name: coin, coin, algorithm, pools }];
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function* faultsIn(mining: MiningFields): Generator<Fault> {
  const { enabled, sheets, ...plain } = mining;
  if (sheets === undefined) {
    if (enabled && (plain.pools ?? []).length === 0)
      yield { path: ["pools"], message: "at least one pool, or enabled: false" };
    for (const sheet of sheetsOf(mining)) yield* faultsOf(sheet);
    return;
  }
  for (const [key, value] of Object.entries(plain))
    if (value !== undefined) yield { path: [key], message: "nothing, because each of the sheets says it for itself" };
  if (sheets.length === 0) yield { path: ["sheets"], message: "at least one flight sheet, or none of this key" };
  for (const [index, sheet] of sheets.entries()) {
    const isFirst = sheets.findIndex(({ name }) => name === sheet.name) === index;
    if (!isFirst) yield { path: ["sheets", index, "name"], message: "a name that no other flight sheet has" };
    yield* otherwisePriced(sheet, minedBy<MinedCoin>(sheets.slice(0, index)), ["sheets", index]);
    if (sheet.dual !== undefined)
      yield* otherwisePriced(sheet.dual, minedBy<MinedCoin>(sheets), ["sheets", index, "dual"]);
    for (const { path, message } of faultsOf(sheet)) yield { path: ["sheets", index, ...path], message };
  }
}

type MinedCoin = Pick<SheetFields, "coin" | "algorithm">;

function* otherwisePriced(of: MinedCoin, others: readonly MinedCoin[], path: Fault["path"]): Generator<Fault> {
  if (others.some(({ coin, algorithm }) => coin === of.coin && algorithm !== of.algorithm))
    yield {
      path: [...path, "coin"],
      message: `a name of its own such as ${of.coin}-${of.algorithm}, because work by another algorithm has another price`,
    };
}

/** The section `mining` of rig.yaml: one flight sheet, or several under `sheets`; undefined where nothing is mined. */
export function mining(base: string) {
  const { plain, sheet } = sheetForms(base);
  return section({
    enabled: flag().default(true),
    ...plain,
    sheets: z
      .exactOptional(list(sheet, 16))
      .describe("Several ways to hash, between which every GPU takes what pays most; then none of the keys above."),
  })
    .superRefine((fields, { addIssue }) => {
      for (const { path, message } of faultsIn(fields))
        addIssue({ code: "custom", input: undefined, path: [...path], message });
    })
    .transform((fields) =>
      fields.enabled ? { isPlain: fields.sheets === undefined, sheets: sheetsOf(fields).map(toSheet) } : undefined,
    )
    .prefault({ enabled: false });
}
