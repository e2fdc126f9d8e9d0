import type { z } from "zod";

/** A section with a fault of its own comes here as it was written. */
interface ProfileUse {
  readonly power: { readonly profiles: readonly { readonly role: string; readonly sheet?: string }[] };
  readonly mining?: { readonly sheets?: readonly { readonly name?: string }[] } | undefined;
}

/** A profile for a flight sheet names one that there is, and is for hashing. */
export function checkProfiles({ power, mining }: ProfileUse, context: z.RefinementCtx): void {
  const sheets = mining?.sheets?.flatMap(({ name }) => name ?? []) ?? [];
  for (const [index, { role, sheet }] of power.profiles.entries()) {
    if (sheet === undefined) continue;
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: ["power", "profiles", index, field], message });
    if (role !== "hashing") refuse("role", "hashing, because only that is done by a flight sheet");
    if (!sheets.includes(sheet)) refuse("sheet", `one of the flight sheets: ${sheets.join(", ") || "there are none"}`);
  }
}
