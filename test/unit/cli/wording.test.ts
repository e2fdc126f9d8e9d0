import { expect, test } from "vitest";
import { sayAmount, sayDifficulty, sayLength, sayMode, sayTps, sayWorkload } from "../../../src/cli/wording.ts";

const rows: readonly (readonly [string, string])[] = [
  [sayDifficulty(null), "–"],
  [sayDifficulty(0), "0"],
  [sayDifficulty(0.000_012_345), "0.0000123"],
  [sayDifficulty(0.013_978), "0.0140"],
  [sayDifficulty(1), "1.00"],
  [sayDifficulty(512), "512"],
  [sayDifficulty(999.4), "999"],
  [sayDifficulty(999.7), "1.00 k"],
  [sayDifficulty(65_536), "65.5 k"],
  [sayDifficulty(999_900), "1.00 M"],
  [sayDifficulty(1.5e23), "150000 E"],
  [sayLength(-5), "0 ms"],
  [sayLength(43), "43 ms"],
  [sayLength(1840), "1.8 s"],
  [sayLength(59_949), "59.9 s"],
  [sayLength(59_960), "1 min 0 s"],
  [sayLength(3_723_000), "1 h 2 min"],
  [sayLength(187_200_000), "2 d 4 h"],
  [sayTps(4.256), "4.26 tok/s"],
  [sayTps(2123), "2123 tok/s"],
  [sayAmount(1, "completion"), "1 completion"],
  [sayAmount(0, "completion"), "0 completions"],
  [sayWorkload("none"), "rest"],
  [sayWorkload("hashing"), "hashing"],
  [sayMode("mine", null), "mine"],
  [sayMode("mine", Date.UTC(2026, 0, 31, 14)), "mine until 2026-01-31 14:00:00 UTC"],
];
test.each(rows)("%s is worded %s", (said, words) => expect(said).toBe(words));
