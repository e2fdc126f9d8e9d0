import { expect, test } from "vitest";
import { isModel } from "../../../../src/market/rentals/gpu-model.ts";

test.each([
  ["NVIDIA GeForce RTX 3090", "RTX 3090", true],
  ["NVIDIA GeForce RTX 3090", "3090", true],
  ["RTX 3090 24GB", "RTX 3090", true],
  ["RTX_3090", "rtx 3090", true],
  ["NVIDIA GeForce RTX 3090 Ti", "RTX 3090", false],
  ["RTX 3090Ti", "RTX 3090", false],
  ["RTX 3090 Ti", "RTX 3090Ti", true],
  ["RTX 4070 SUPER 12GB", "RTX 4070", false],
  ["RTX 4070 Ti SUPER", "RTX 4070 Ti", false],
  ["RTX 4080 Laptop GPU", "RTX 4080", false],
  ["RTX 4000 SFF Ada Generation", "RTX 4000 Ada", false],
  ["RTX A6000 48GB", "RTX 6000", false],
  ["RTX 6000 Ada Generation", "RTX 6000 Ada", true],
  ["NVIDIA H100 80GB HBM3", "H100", true],
  ["Tesla T4", "T4", true],
  ["GTX 1070 8GB", "GTX 107", false],
  ["RTX 3090", "...", false],
] as const)("%s, looked for as %s: %s", (name, model, expected) => {
  expect(isModel(name, model)).toBe(expected);
});
