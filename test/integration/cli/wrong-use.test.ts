import { expect, test } from "vitest";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

const rows: readonly [string, string][] = [
  ["statsu", "unknown command 'statsu' (ERR_USAGE): did you mean status? Else see --help"],
  ["status --jsn", "unknown option '--jsn' (ERR_USAGE): did you mean --json? Else see --help"],
  ["status --frobnicate", "unknown option '--frobnicate' (ERR_USAGE): see --help"],
  ["ledger jobs --limit 0", '--limit: got "0" (ERR_USAGE): give a whole number above 0'],
  [
    "start rig.yaml",
    "too many arguments for 'start'. Expected 0 arguments but got 1: rig.yaml. (ERR_USAGE): name the file with --config rig.yaml",
  ],
  ["status --config /", "/: is a directory (ERR_CONFIG_UNREADABLE): name the file in it, such as rig.yaml"],
  [
    "pools check --url pool.example.org",
    "pool address pool.example.org is not a URL (ERR_POOL_URL): write it as stratum+tcp://host:port, or stratum+ssl://host:port for TLS, with user and password as fields of their own",
  ],
  [
    "curtail --max-w 400 --until yesterday",
    '--until: got "yesterday" (ERR_USAGE): give a time to come: a length such as 2h, or a UTC time such as 2099-01-31T14:00',
  ],
];

test.each(rows)("`rigshift %s` is refused in one line with a mend that fits", async (line, said) => {
  using directory = new TemporaryDirectory();
  expect(await runIn(directory.path, line.split(" "))).toEqual({ code: 2, out: "", err: `rigshift: ${said}\n` });
});
