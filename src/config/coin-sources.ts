import type { z } from "zod";
import { minedBy } from "./sheet-schema.ts";

interface MinedCoins {
  readonly coin: string;
  readonly dual?: { readonly coin: string } | undefined;
}

/** A section with a fault of its own comes here as it was written. */
interface SourceUse {
  readonly mining?: { readonly sheets?: readonly MinedCoins[] } | undefined;
  readonly market: {
    readonly sources: readonly { readonly shape: string; readonly coin?: string; readonly tag?: string }[];
    readonly accounts: readonly { readonly coin?: string }[];
  };
}

/** Whether a source's word may be about this coin: it names it, or names none. */
export const isAbout = (source: { readonly coin?: string }, coin: string): boolean => (source.coin ?? coin) === coin;

/** Several coins need sources and accounts that say which of them they are about, and a source for each. */
export function checkSources({ mining, market: { sources, accounts } }: SourceUse, context: z.RefinementCtx): void {
  const coins = [...new Set(minedBy<{ readonly coin: string }>(mining?.sheets ?? []).map(({ coin }) => coin))];
  const refuse = (path: readonly (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path: ["market", "sources", ...path], message });
  for (const [index, { shape, coin, tag }] of sources.entries()) {
    const isSingle = shape === "json" || tag !== undefined;
    if (coin !== undefined && coins.length > 0 && !coins.includes(coin))
      refuse([index, "coin"], `one that is mined: ${coins.join(", ")}`);
    if (coin === undefined && isSingle && coins.length > 1)
      refuse([index, "coin"], `the coin that it prices, one of ${coins.join(", ")}`);
  }
  for (const [index, { coin }] of accounts.entries())
    if (coin === undefined && coins.length > 1)
      context.addIssue({
        code: "custom",
        path: ["market", "accounts", index, "coin"],
        message: `the coin that it credits, one of ${coins.join(", ")}`,
      });
  if (sources.length === 0) return;
  for (const coin of coins)
    if (!sources.some((source) => isAbout(source, coin))) refuse([], `one for ${coin} as well, which is mined`);
}
