import type { Doubt } from "./doubts.ts";
import type { RigConfig } from "./load.ts";

type Naming = Pick<RigConfig, "mining" | "power" | "external">;

interface Named {
  /** Where in rig.yaml. */
  readonly path: string;
  readonly gpus: readonly string[];
}

/** Every place of rig.yaml that names GPUs, in its order. */
function placesOf({ mining, power, external }: Naming): readonly Named[] {
  const sheets = mining?.sheets ?? [];
  return [
    ...power.budget.supplies.map(({ gpus }, index) => ({ path: `power.budget.supplies[${index}].gpus`, gpus })),
    ...power.profiles.flatMap(({ gpu }, index) =>
      gpu === undefined ? [] : [{ path: `power.profiles[${index}].gpu`, gpus: [gpu] }],
    ),
    ...power.cards.map(({ gpu }, index) => ({ path: `power.cards[${index}].gpu`, gpus: [gpu] })),
    ...sheets.flatMap(({ gpus = [] }, index) => ({
      path: mining?.isPlain ? "mining.gpus" : `mining.sheets[${index}].gpus`,
      gpus,
    })),
    ...external.flatMap(({ gpus = [] }, index) => ({ path: `external[${index}].gpus`, gpus })),
  ].filter(({ gpus }) => gpus.length > 0);
}

/** Whether any GPU is named, so that it is worth looking at those of the rig. */
export const namesGpus = (config: Naming): boolean => placesOf(config).length > 0;

/** The places that name GPUs which are not among `present`: mistyped, or out of the rig just now, so that no start fails. */
export function strangersIn(
  config: Naming,
  present: readonly { readonly uuid: string; readonly name: string }[],
): readonly Doubt[] {
  const here = new Set(present.map(({ uuid }) => uuid));
  const known = present.map(({ uuid, name }) => `${uuid} (${name})`).join(", ") || "none";
  return placesOf(config).flatMap(({ path, gpus }) => {
    const strange = gpus.filter((uuid) => !here.has(uuid));
    if (strange.length === 0) return [];
    const found = `this rig has no GPU ${strange.join(", ")}`;
    return [{ name: path, found, mend: `unless the card is only out for now, name one that is here: ${known}` }];
  });
}
