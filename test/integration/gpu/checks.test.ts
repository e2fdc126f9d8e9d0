import { expect, test } from "vitest";
import { gpuChecks } from "../../../src/gpu/checks.ts";
import { runCheck } from "../../../src/lib/check.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { seconds } from "../../../src/units/time.ts";
import { FakeNvidiaSmi } from "../../support/fake-nvidia-smi.ts";
import { compiler, NvmlStandIn } from "../../support/nvml/stand-in.ts";
import { testWith } from "../../support/requirement.ts";

const { signal } = new AbortController();

function check(name: string, env: Record<string, string> = {}, limit = seconds(20)) {
  const found = gpuChecks({ source: "nvidia-smi", clock: systemClock, env }).find((one) => one.name === name);
  return found && runCheck(found, signal, limit);
}
const log = (...modes: string[]) => {
  const gpus = modes.map((mode) => `<gpu id="0"><persistence_mode>${mode}</persistence_mode></gpu>`).join("");
  return `<?xml version="1.0" ?>\n<nvidia_smi_log>${gpus}</nvidia_smi_log>\n`;
};

testWith(compiler, "a library that sees GPUs tells how many, and its driver", async () => {
  using standIn = new NvmlStandIn(["driver 550.54.14", "gpu 0 power 100", "gpu 1 power 90"]);
  expect(await check("NVML", { RIGSHIFT_NVML_LIBRARY: standIn.library })).toMatchObject({
    level: "ok",
    found: "2 GPUs, driver 550.54.14",
  });
});

testWith(compiler, "a library whose driver is gone fails where GPUs are asked for", async () => {
  using standIn = new NvmlStandIn(["gpu 0 power 1", "refuse nvmlInit_v2 9"]);
  expect(await check("NVML", { RIGSHIFT_NVML_LIBRARY: standIn.library })).toMatchObject({ level: "fail" });
});

testWith(compiler, "a GPU that tells neither its programs nor its memory is named", async () => {
  const asked = ["ComputeRunningProcesses_v2", "ComputeRunningProcesses_v3", "MemoryInfo_v2", "MemoryInfo"];
  const refuse = asked.map((name) => `refuse nvmlDeviceGet${name} 3`);
  using blind = new NvmlStandIn(["gpu 0 name Card", "gpu 0 power 100", ...refuse]);
  expect(await check("programs on GPUs", { RIGSHIFT_NVML_LIBRARY: blind.library })).toMatchObject({
    level: "warn",
    found: expect.stringContaining("GPU 0 (Card) tells neither"),
  });
  using sees = new NvmlStandIn(["gpu 0 power 100", "gpu 0 vram 8192", "gpu 0 used 10"]);
  expect(await check("programs on GPUs", { RIGSHIFT_NVML_LIBRARY: sees.library })).toMatchObject({ level: "ok" });
});

test("without the library the program's log says what a GPU tells", async () => {
  const uuid = "GPU-00000000-0000-0000-0000-000000000001";
  const one = (rest: string) =>
    `<?xml version="1.0" ?>\n<nvidia_smi_log><gpu id="0"><uuid>${uuid}</uuid>${rest}</gpu></nvidia_smi_log>\n`;
  const off = { RIGSHIFT_NVML: "off" };
  {
    using _ = new FakeNvidiaSmi({ xml: { stdout: one("<processes>N/A</processes>") } });
    expect(await check("programs on GPUs", off)).toMatchObject({ level: "warn" });
  }
  using _ = new FakeNvidiaSmi({ xml: { stdout: one("<processes></processes>") } });
  expect(await check("programs on GPUs", off)).toMatchObject({ level: "ok" });
});

test.each([
  ["on", ["Enabled"], "ok", "on"],
  ["on everywhere", ["Enabled", "Enabled"], "ok", "on"],
  ["off somewhere", ["Enabled", "Disabled", "Disabled"], "warn", "off on 2 of 3"],
  ["not told, as on Windows", ["N/A"], "ok", "on"],
])("persistence mode that is %s", async (_title, modes, level, found) => {
  using _ = new FakeNvidiaSmi({ xml: { stdout: log(...modes) } });
  expect(await check("persistence mode")).toMatchObject({ level, found });
  expect(await check("nvidia-smi")).toMatchObject({ level: "ok", found: `answers, ${modes.length} in its log` });
});

test.each([
  ["fails", { exitCode: 9, stderr: "NVIDIA-SMI has failed\n" }, /./],
  ["prints no log", { stdout: "<html>" }, /./],
])("an nvidia-smi that %s is a fail", async (_title, xml, found) => {
  using _ = new FakeNvidiaSmi({ xml });
  expect(await check("nvidia-smi")).toMatchObject({ level: "fail", found: expect.stringMatching(found) });
});

test("an nvidia-smi that hangs is a fail and holds nobody up", async () => {
  using _ = new FakeNvidiaSmi({ xml: { hangs: true } });
  expect(await check("nvidia-smi", {}, seconds(1))).toMatchObject({ level: "fail" });
});
