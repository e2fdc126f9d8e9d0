import { expect } from "vitest";
import { openSimulated } from "../../../../src/gpu/simulated/source.ts";
import { watts } from "../../../../src/units/energy.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

/** Says everything, so that neither side takes a default of its own. */
const SCRIPT = [
  "driver 550.54.14",
  "gpu 0 uuid GPU-a",
  "gpu 0 vram 8192",
  "gpu 0 used 7",
  "gpu 0 limit 200",
  "gpu 0 temperature 44",
  "gpu 0 fan 0",
  "gpu 0 utilization 3",
  "gpu 0 tick 30",
  "gpu 0 pulse 70 20.5 180 0.3",
  "@500 gpu 0 power 99.25",
  "@800 gpu 0 process 12 300",
  "@840 gpu 0 sm 12 71",
  "gpu 0 limit-range 15 250",
  "gpu 0 clocks 2100 9000",
  "@900 gpu 0 energy 1000",
  "@1500 gpu 0 pulse 100 10 20",
  "@1520 gpu 0 exit 12",
  "@1800 gpu 0 state lost",
];
/** What is set, and when; the second is below what the board allows, the last takes the first back. */
const LIMITS = [
  [777, 60],
  [850, 14],
  [1500, 15.5],
  [1555, 75],
] as const;
const TIMES = [0, 1, 69, 70, 499, 500, 777, 850, 900, 1234, 1500, 1555, 1699, 1750, 1800];

testWith(
  compiler,
  "the simulated device does what the stand-in behind the real binding does, moment by moment",
  async () => {
    using directory = new TemporaryDirectory();
    await using nvml = await OpenedNvml.open(SCRIPT);
    const clock = new ManualClock();
    const source = openSimulated({ clock, scriptFile: directory.write("gpus.script", SCRIPT.join("\n")) });
    const { signal } = new AbortController();
    for (const time of TIMES) {
      await nvml.at(time);
      await clock.advance(time - clock.monotonic());
      for (const [at, limit] of LIMITS)
        if (at === time) {
          const outcome = await nvml.source.control?.setPowerLimit("GPU-a", watts(limit), signal);
          expect(await source.control?.setPowerLimit("SIM-a", watts(limit), signal), `${limit} W`).toEqual(outcome);
        }
      const expected = { ...(await nvml.read()), uuid: "SIM-a", epoch: expect.any(String) };
      expect(await source.read("SIM-a", signal), `at ${time} ms`).toEqual(expected);
    }
  },
);
