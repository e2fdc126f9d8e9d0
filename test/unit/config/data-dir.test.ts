import { expect, test } from "vitest";
import { resolveDataDir } from "../../../src/config/data-dir.ts";

const service = { INVOCATION_ID: "0123456789abcdef" };
const rows: readonly [string, string | undefined, Record<string, string>, number | undefined, string][] = [
  ["is the configured folder above all", "/data", { RIGSHIFT_HOME: "/home/rig", ...service }, 0, "/data"],
  [
    "is $RIGSHIFT_HOME, before the service's own",
    undefined,
    { RIGSHIFT_HOME: "/home/rig", ...service },
    0,
    "/home/rig",
  ],
  [
    "takes a relative $RIGSHIFT_HOME from the working directory",
    undefined,
    { RIGSHIFT_HOME: "rig" },
    1000,
    "/work/rig",
  ],
  ["is the system's folder for a service of root", undefined, service, 0, "/var/lib/rigshift"],
  ["is the working directory's for a service that may not write there", undefined, service, 1000, "/work/.rigshift"],
  ["is the working directory's for a person", undefined, {}, 0, "/work/.rigshift"],
  ["ignores an empty $RIGSHIFT_HOME", undefined, { RIGSHIFT_HOME: "" }, undefined, "/work/.rigshift"],
];
for (const [title, configured, env, uid, expected] of rows)
  test(`the data directory ${title}`, () => {
    expect(resolveDataDir(configured, { env, uid, cwd: "/work" })).toBe(expected);
  });
