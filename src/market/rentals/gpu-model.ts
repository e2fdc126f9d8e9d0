/** What makes a GPU of the same number another one. */
const VARIANTS: ReadonlySet<string> = new Set(["ti", "super", "max", "laptop", "mobile", "ada", "d", "sff", "q"]);
/** What makers and marketplaces put before a model or leave out. */
const MAKERS: ReadonlySet<string> = new Set(["nvidia", "geforce", "tesla", "quadro"]);

const wordsOf = (name: string): readonly string[] =>
  name
    .toLowerCase()
    // "3090Ti" and "3090 Ti" are one GPU.
    .replaceAll(/(\d)(ti|super)\b/g, "$1 $2")
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "" && !MAKERS.has(word));

/** Whether a GPU of this full name is a `model` such as "RTX 3090", which a "RTX 3090 Ti" is not. */
export function isModel(name: string, model: string): boolean {
  const [words, wanted] = [wordsOf(name), wordsOf(model)];
  if (wanted.length === 0) return false;
  const start = words.findIndex((_, at) => wanted.every((word, step) => words[at + step] === word));
  return start >= 0 && !words.some((word) => VARIANTS.has(word) && !wanted.includes(word));
}
