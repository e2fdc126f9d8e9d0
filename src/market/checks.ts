import { readFileSync } from "node:fs";
import type { FlightSheetConfig, RigConfig } from "../config/load.ts";
import { minedBy } from "../config/sheet-schema.ts";
import type { Check, CheckResult } from "../lib/check.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, systemCodeOf } from "../lib/errors.ts";
import { readMarketFile } from "./file.ts";
import { parsePayouts } from "./payout-file.ts";

type Named = Pick<RigConfig, "mining" | "market" | "electricity">;

/**
 * Whether the market file prices the coins that are mined, and every other file of prices or payouts can be read; what
 * stands in those of sources, and what addresses answer, is the agent's matter.
 */
export const marketChecks = (config: Named, clock: Clock): readonly Check[] => [
  ...marketFileChecks(config, clock),
  ...placesOf(config).map(({ name, file }) => ({ name, run: () => judge(file, name) })),
  ...payoutChecks(config.market.payouts),
];

function marketFileChecks({ mining, market }: Named, clock: Clock): readonly Check[] {
  const isUsed = mining !== undefined && market.sources.length === 0;
  if (!isUsed && market.file === "sample") return [];
  const run = (): CheckResult => {
    const file = readMarketFile(market.file, clock.now());
    if (!isUsed) return { level: "ok", found: `${market.file} can be read, but prices nothing: ${whyUnused(mining)}` };
    const quotes = minedBy<Pick<FlightSheetConfig, "coin" | "algorithm">>(mining.sheets).map(({ coin, algorithm }) =>
      file.coin(coin, algorithm),
    );
    const coins = [...new Set(quotes.map(({ coin }) => coin))].join(", ");
    const isInvented = quotes.some(({ invented }) => invented);
    return { level: "ok", found: `${market.file} prices ${coins}${isInvented ? ", at an invented price" : ""}` };
  };
  return [{ name: "market file", run }];
}

const whyUnused = (mining: RigConfig["mining"]): string =>
  mining === undefined ? "nothing is mined" : "market.sources stand instead";

/** Every file that rig.yaml names as a source, and where it does. */
function placesOf({ market, electricity }: Named): readonly { readonly name: string; readonly file: string }[] {
  const { sources, currencies, accounts, rentals, tokens } = market;
  const places: [string, { readonly file?: string } | undefined][] = [
    ...Object.entries({ sources, currencies, accounts, rentals }).flatMap(([key, list]) =>
      numbered(`market.${key}`, list),
    ),
    ["market.tokens", tokens],
    ...numbered("electricity.series", electricity.series),
    ["electricity.site", electricity.site],
  ];
  return places.flatMap(([name, place]) =>
    place?.file === undefined ? [] : [{ name: `${name}.file`, file: place.file }],
  );
}

const numbered = (
  name: string,
  places: readonly { readonly file?: string }[],
): [string, { readonly file?: string }][] => places.map((place, index) => [`${name}[${index}]`, place]);

const payoutChecks = (file: string | undefined): readonly Check[] =>
  file === undefined ? [] : [{ name: "market.payouts", run: () => judge(file, "market.payouts", parsePayouts) }];

function judge(file: string, name: string, parse: (text: string) => unknown = () => undefined): CheckResult {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const isMissing = systemCodeOf(error) === "ENOENT";
    const why = isMissing ? "there is no such file" : `it cannot be read: ${messageOf(error)}`;
    return { level: "fail", found: `${file}: ${why}`, mend: `name a readable file with ${name}` };
  }
  try {
    parse(text);
  } catch (error) {
    return { level: "fail", found: `${file}: ${messageOf(error)}`, mend: `correct ${file}` };
  }
  return { level: "ok", found: `${file} can be read` };
}
