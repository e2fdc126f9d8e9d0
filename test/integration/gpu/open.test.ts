import { expect, test } from "vitest";
import { gpus } from "../../../src/cli/gpus.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { openGpuSource } from "../../../src/gpu/open.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { compiler, NvmlStandIn } from "../../support/nvml/stand-in.ts";
import { testWith } from "../../support/requirement.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const MACHINE = ["driver 535.154.05", "gpu 0 power 100", "gpu 0 process 4711 1100", "gpu 0 limit 450"];

function open(source: string, env: Record<string, string>) {
  const config = parseConfig({ version: 1, gpus: { source } }, "rig.yaml", "/");
  return openGpuSource(config, { clock: new ManualClock(), fallbackId: "random", env });
}

testWith(compiler, "auto reads the driver's library where it sees a GPU", async () => {
  using standIn = new NvmlStandIn(MACHINE);
  const source = await open("auto", { RIGSHIFT_NVML_LIBRARY: standIn.library });
  expect(source).toMatchObject({ kind: "nvml", driverVersion: "535.154.05" });
  await source.close();
});

testWith(compiler, "RIGSHIFT_NVML=off leaves the library alone", async () => {
  using standIn = new NvmlStandIn(MACHINE);
  const source = await open("auto", { RIGSHIFT_NVML_LIBRARY: standIn.library, RIGSHIFT_NVML: "off" });
  expect(source.kind).not.toBe("nvml");
  expect(standIn.calls("nvmlInit_v2")).toBe(0);
  await source.close();
});

testWith(compiler, "a library without a GPU, or without its driver, is passed over", async () => {
  for (const lines of [[], ["gpu 0 power 1", "refuse nvmlInit_v2 9"]]) {
    using standIn = new NvmlStandIn(lines);
    const source = await open("auto", { RIGSHIFT_NVML_LIBRARY: standIn.library });
    expect(source.kind).not.toBe("nvml");
    await source.close();
  }
});

testWith(compiler, "a library whose only GPU does not answer is passed over too, and that is told", async () => {
  using standIn = new NvmlStandIn([...MACHINE, "gpu 0 state lost"]);
  const lines: string[] = [];
  const config = parseConfig({ version: 1 }, "rig.yaml", "/");
  const source = await openGpuSource(config, {
    clock: new ManualClock(),
    fallbackId: "random",
    env: { RIGSHIFT_NVML_LIBRARY: standIn.library },
    logger: createLogger("warn", (line) => lines.push(line)),
  });
  expect(source.kind).not.toBe("nvml");
  expect(lines.join("")).toContain("none answers (GPU 0: NVML return code 15)");
  await source.close();
});

async function printGpus(config: string | undefined, env: Record<string, string>): Promise<string> {
  using directory = new TemporaryDirectory();
  let printed = "";
  const context = {
    env,
    cwd: directory.path,
    print: (text: string) => {
      printed += text;
    },
    printError: () => {},
    signal,
  };
  const file = config === undefined ? {} : { config: directory.write("rig.yaml", config) };
  await gpus({ ...file, json: true }, context);
  return printed;
}

/** As promised to programs that read `rigshift gpus --json`. */
const PROMISED =
  "uuid index name architecture pciBusId vramTotalMiB vramUsedMiB powerW powerField powerLimitW temperatureC fanPercent " +
  "utilizationPercent energyMj migEnabled processes health";

testWith(compiler, "rigshift gpus --json prints the promised keys with the driver's values", async () => {
  using standIn = new NvmlStandIn(MACHINE, [], "real");
  const printed = JSON.parse(await printGpus("version: 1\n", { RIGSHIFT_NVML_LIBRARY: standIn.library }));
  expect(Object.keys(printed)).toEqual(["source", "driverVersion", "gpus"]);
  expect(printed).toMatchObject({ source: "nvml", driverVersion: "535.154.05" });
  const [gpu] = printed.gpus;
  expect(Object.keys(gpu).filter((key) => key !== "energyBasis")).toEqual(PROMISED.split(" "));
  expect(gpu).toMatchObject({
    index: 0,
    powerW: 100,
    powerField: "instant",
    powerLimitW: 450,
    energyMj: expect.any(Number),
    processes: [{ pid: 4711, usedMiB: 1100 }],
    health: "ok",
  });
  expect(standIn.leftOpen().sessions).toBe(0);
});

testWith(
  compiler,
  "without a configuration rigshift gpus shows the GPUs, although the try-out takes the CPU",
  async () => {
    using standIn = new NvmlStandIn(MACHINE, [], "real");
    const printed = JSON.parse(await printGpus(undefined, { RIGSHIFT_NVML_LIBRARY: standIn.library }));
    expect(printed).toMatchObject({ source: "nvml", gpus: [{ powerW: 100 }] });
  },
);

test("rigshift gpus --json prints null for what a device does not know, and never 0", async () => {
  const printed = JSON.parse(await printGpus("version: 1\ngpus: { source: simulated }\n", {}));
  expect(printed).toMatchObject({ source: "simulated", driverVersion: null });
  expect(printed.gpus[0]).toMatchObject({ powerW: 25, architecture: null, utilizationPercent: null, migEnabled: null });
});
