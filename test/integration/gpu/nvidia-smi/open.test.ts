import { expect, test } from "vitest";
import { openNvidiaSmi } from "../../../../src/gpu/nvidia-smi/open.ts";
import { FakeNvidiaSmi, isRunning, type SmiScript } from "../../../support/fake-nvidia-smi.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";
import { until } from "../../../support/until.ts";

const UUID = "GPU-12345678-aaaa-bbbb-cccc-0123456789ab";
const LOG = `<nvidia_smi_log><gpu><uuid>${UUID}</uuid></gpu></nvidia_smi_log>`;

const opening = (script: SmiScript["xml"]) => {
  const program = new FakeNvidiaSmi({ xml: script });
  return {
    program,
    source: openNvidiaSmi({ clock: new ManualClock() }),
    [Symbol.dispose]: () => program[Symbol.dispose](),
  };
};

test("there is no source where there is no such program", async () => {
  using empty = new TemporaryDirectory();
  const { PATH } = process.env;
  process.env.PATH = empty.path;
  try {
    expect(await openNvidiaSmi({ clock: new ManualClock() })).toBeUndefined();
  } finally {
    process.env.PATH = PATH;
  }
});

const without: readonly (readonly [string, SmiScript["xml"]])[] = [
  [
    "the driver cannot be reached",
    {
      stdout:
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest " +
        "NVIDIA driver is installed and running.\n\n",
      exitCode: 9,
    },
  ],
  ["no devices were found", { stdout: "No devices were found\n", exitCode: 6 }],
  ["its library is missing", { exitCode: 12 }],
  ["the log lists none", { stdout: "<nvidia_smi_log><attached_gpus>0</attached_gpus></nvidia_smi_log>" }],
];
for (const [why, script] of without)
  test(`there is no source where ${why}, and no query was started`, async () => {
    using open = opening(script);
    expect(await open.source).toBeUndefined();
    expect(open.program.queryStarts()).toEqual([]);
  });

const faults: readonly (readonly [string, SmiScript["xml"], string, RegExp])[] = [
  ["prints nothing", { stdout: "" }, "ERR_NVIDIA_SMI_OUTPUT", /nvidia_smi_log/],
  ["prints garbage", { stdout: "\u0000\u0001 what?" }, "ERR_NVIDIA_SMI_OUTPUT", /no XML/],
  ["stops in the middle", { stdout: LOG.slice(0, 60) }, "ERR_NVIDIA_SMI_OUTPUT", /no XML/],
  ["prints without end", { stdout: "x".repeat(2_000_000) }, "ERR_NVIDIA_SMI_OUTPUT", /maxBuffer|no XML/],
  ["complains", { stderr: "cannot open /dev/nvidiactl\nmore", exitCode: 4 }, "ERR_NVIDIA_SMI_FAILED", /nvidiactl/],
  ["only warns beside its log", { stdout: LOG, stderr: "a warning" }, "ERR_NVIDIA_SMI_FAILED", /a warning/],
  ["lost a GPU", { stdout: LOG, exitCode: 15 }, "ERR_NVIDIA_SMI_FAILED", /off the bus/],
];
for (const [what, script, code, words] of faults)
  test(`a program that ${what} is a named fault, for there may be GPUs`, async () => {
    using open = opening(script);
    const error = await open.source.catch((fault: unknown) => fault);
    expect(error).toMatchObject({ facts: { code }, message: expect.stringMatching(words) });
    expect(open.program.starts()).toHaveLength(1);
  });

test("a program that hangs is a named fault after five seconds", async () => {
  using program = new FakeNvidiaSmi({ xml: { hangs: true } });
  const clock = new ManualClock();
  const source = openNvidiaSmi({ clock }).catch((fault: unknown) => fault);
  await until(() => program.starts().length === 1 && clock.waiting === 1);
  await clock.advance(4999);
  expect(clock.waiting).toBe(1);
  await clock.advance(1);
  expect(await source).toMatchObject({ facts: { code: "ERR_NVIDIA_SMI_HUNG" } });
  expect(program.starts().filter(({ pid }) => isRunning(pid))).toHaveLength(1);
});

test("whoever gives up while it opens gets an abort and no source", async () => {
  using program = new FakeNvidiaSmi({ xml: { hangs: true } });
  const giveUp = new AbortController();
  const source = openNvidiaSmi({ clock: new ManualClock(), signal: giveUp.signal });
  await until(() => program.starts().length === 1);
  giveUp.abort();
  await expect(source).rejects.toMatchObject({ name: "AbortError" });
});
