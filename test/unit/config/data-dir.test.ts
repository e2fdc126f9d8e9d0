import { expect, test } from "vitest";
import { resolveDataDir } from "../../../src/config/data-dir.ts";

const service = { INVOCATION_ID: "0123456789abcdef" };
type Placed = Parameters<typeof resolveDataDir>[0];
const FILE: Placed = { file: "/etc/rig/rig.yaml" };
const rows: readonly [string, Placed, Record<string, string>, number | undefined, string][] = [
  [
    "is the configured folder above all",
    { ...FILE, dataDir: "/data" },
    { RIGSHIFT_HOME: "/home/rig", ...service },
    0,
    "/data",
  ],
  ["is $RIGSHIFT_HOME, before the service's own", FILE, { RIGSHIFT_HOME: "/home/rig", ...service }, 0, "/home/rig"],
  ["takes a relative $RIGSHIFT_HOME from the working directory", FILE, { RIGSHIFT_HOME: "rig" }, 1000, "/srv/rig"],
  ["is the system's folder for a service of root", FILE, service, 0, "/var/lib/rigshift"],
  ["stands beside the configuration file, wherever the command is run", FILE, {}, 0, "/etc/rig/.rigshift"],
  ["stands beside the file for a service that is not root", FILE, service, 1000, "/etc/rig/.rigshift"],
  ["is the working directory's for the try-out", {}, {}, 0, "/srv/.rigshift"],
  ["ignores an empty $RIGSHIFT_HOME", {}, { RIGSHIFT_HOME: "" }, undefined, "/srv/.rigshift"],
];
for (const [title, placed, env, uid, expected] of rows)
  test(`the data directory ${title}`, () => {
    expect(resolveDataDir(placed, { env, uid, cwd: "/srv" })).toBe(expected);
  });
