import { createServer } from "node:net";
import { expect, test } from "vitest";
import { rigYaml, runRigshift } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const engine = (modelFile: string, more = "") => `{ engine: { kind: builtin, modelFile: ${modelFile}${more} } }`;

const faults: readonly (readonly [string, Readonly<Record<string, string>>, number, RegExp])[] = [
  ["an unknown key", { minning: "{}" }, 2, /minning.*\(ERR_CONFIG_INVALID\): /],
  [
    "a wrong type",
    { electricity: '{ usdPerKwh: "cheap" }' },
    2,
    /electricity\.usdPerKwh: got "cheap", wanted .*\(ERR_CONFIG_INVALID\): /,
  ],
  ["broken YAML", { rig: "{ name: " }, 2, /rig\.yaml:\d+: not valid YAML.*\(ERR_CONFIG_SYNTAX\): /],
  ["a model file that is missing", { inference: engine("nowhere.gguf") }, 2, /nowhere\.gguf.*\(ERR_MODEL_MISSING\): /],
  [
    "a model file that is none",
    { inference: engine("rig.yaml") },
    2,
    /rig\.yaml is not a GGUF file \(ERR_MODEL_CORRUPT\): /,
  ],
  [
    "a coin that the market does not list",
    { mining: "{ coin: nocoin, pools: [{ url: devpool }] }" },
    2,
    /nocoin \(ERR_MARKET_COIN\): .*devcoin/,
  ],
];

for (const [title, change, code, line] of faults)
  test(`${title} ends the start with one clear line and code ${code}, before anything was made`, async () => {
    using directory = new TemporaryDirectory();
    const config = directory.write("rig.yaml", rigYaml(change));
    const home = `${directory.path}/data`;
    const result = await runRigshift(["start", "--config", config], { RIGSHIFT_HOME: home });
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(result.stderr).toMatch(line);
    expect(() => directory.write("data", "")).not.toThrow();
  });

test("a port in use ends the start with one clear line that names the port and the key", async () => {
  using directory = new TemporaryDirectory();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const config = directory.write(
    "rig.yaml",
    rigYaml({ http: `{ listen: "127.0.0.1:${port}" }`, log: "{ level: error }" }),
  );
  const result = await runRigshift(["start", "--config", config], { RIGSHIFT_HOME: `${directory.path}/data` });
  server.close();
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(
    new RegExp(`^rigshift: port ${port} is in use.*\\(ERR_HTTP_PORT_IN_USE\\): .*http\\.listen.*\n$`),
  );
});

test("the try-out says how to take another port, and --listen takes it", async () => {
  using directory = new TemporaryDirectory();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const env = { RIGSHIFT_HOME: `${directory.path}/data` };
  const result = await runRigshift(["start", "--listen", `127.0.0.1:${port}`], env);
  server.close();
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(new RegExp(`port ${port} is in use.*\\(ERR_HTTP_PORT_IN_USE\\): .*--listen`));
  expect(await runRigshift(["start", "--listen", "everywhere"], env)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--listen: got "everywhere" \(ERR_USAGE\): give an address and a port/),
  });
});

test("a data directory that cannot be made ends the start with one clear line", async () => {
  using directory = new TemporaryDirectory();
  const config = directory.write("rig.yaml", rigYaml());
  const result = await runRigshift(["start", "--config", config], { RIGSHIFT_HOME: `${config}/below-a-file` });
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(/^rigshift: .*\(ERR_LEDGER_DIRECTORY\): .*\n$/);
});

test("wrong use of the command line ends with 2 and says what is right", async () => {
  using directory = new TemporaryDirectory();
  const env = { RIGSHIFT_HOME: `${directory.path}/data` };
  expect(await runRigshift(["frobnicate"], env)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/unknown command 'frobnicate' \(ERR_USAGE\)/),
  });
  expect(await runRigshift(["mode", "turbo"], env)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/"turbo" \(ERR_USAGE\): take one of observe, auto/),
  });
  expect(await runRigshift(["devpool", "--port", "99999"], env)).toMatchObject({ code: 2 });
  expect(await runRigshift(["status"], env)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("(ERR_AGENT_NOT_RUNNING): start it"),
  });
  expect(await runRigshift(["ledger", "jobs"], env)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("(ERR_LEDGER_MISSING)"),
  });
});
