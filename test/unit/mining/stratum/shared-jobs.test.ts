import { expect, test } from "vitest";
import { bitcoinV1 } from "../../../../src/mining/stratum/bitcoin-v1.ts";
import { withSharedJobs } from "../../../../src/mining/stratum/shared-jobs.ts";
import { answer, notify } from "../../../support/v1-bench.ts";

const bytes = (line: string) => Buffer.from(`${line}\n`);

test("connections that get the same job share one, and nothing else", () => {
  const dialect = withSharedJobs(bitcoinV1);
  expect(dialect.parsePool(bytes(notify("j1")))).toBe(dialect.parsePool(bytes(notify("j1"))));
  expect(dialect.parsePool(bytes(notify("j2")))).toMatchObject({ job: { id: "j2" } });
  expect(dialect.parsePool(bytes(answer(1, true)))).not.toBe(dialect.parsePool(bytes(answer(1, true))));
});

test("old jobs make room for new ones", () => {
  const dialect = withSharedJobs(bitcoinV1);
  const first = dialect.parsePool(bytes(notify("j")));
  for (let i = 0; i < 40; i++) dialect.parsePool(bytes(notify(`j${i}`)));
  const again = dialect.parsePool(bytes(notify("j")));
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
});
