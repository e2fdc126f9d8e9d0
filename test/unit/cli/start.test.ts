import { expect, test } from "vitest";
import { greetingOf } from "../../../src/cli/start.ts";
import { parseConfig } from "../../../src/config/load.ts";

const greeting = (sections: object): string => {
  const config = parseConfig({ version: 1, ...sections }, "test", "/");
  return greetingOf({ url: "http://127.0.0.1:7433", config, dataDir: "/data" });
};

test("the address of the OpenAI endpoint is told where something is served only", () => {
  const inference = {
    engine: { kind: "builtin", modelFile: "m.gguf" },
    usdPerMillionTokensIn: 1,
    usdPerMillionTokensOut: 1,
  };
  expect(greeting({ inference })).toContain("  OpenAI API   http://127.0.0.1:7433/v1\n");
  expect(greeting({})).toBe(
    "Rigshift runs (try-out: real work of this machine's CPU at invented prices, mode observe)\n" +
      "  status page  http://127.0.0.1:7433\n  data         /data\n" +
      "  token        /data/token (for changing the mode on the page)\n",
  );
});
