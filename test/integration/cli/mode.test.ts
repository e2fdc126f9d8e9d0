import { describe, expect, test } from "vitest";
import { CPU_UUID, fakeGpu, fakeRig, START_MS } from "../../support/fake-rig-port.ts";
import { answers, place } from "./harness.ts";

const OTHER = "GPU-1c9e";
const until = START_MS + 7_200_000;
const rig = fakeRig({
  gpus: [fakeGpu(), fakeGpu({ uuid: OTHER, index: 1, mode: "mine", modeUntilMs: until })],
});

describe("rigshift mode", () => {
  test("shows the rig's mode, and the GPUs that have an order of their own with its end", async () => {
    await using there = await place(answers(rig));
    expect((await there.run("mode")).out).toBe(`auto\nGPU 1 ${OTHER}: mine until 2026-09-14 12:40:00 UTC\n`);
    expect(JSON.parse((await there.run("mode", "--json")).out)).toEqual({
      mode: "auto",
      gpu: null,
      untilMs: null,
      gpus: [
        { mode: "auto", gpu: CPU_UUID, untilMs: null },
        { mode: "mine", gpu: OTHER, untilMs: until },
      ],
    });
  });

  test("shows the mode of one GPU", async () => {
    await using there = await place(answers(rig));
    expect((await there.run("mode", "--gpu", OTHER)).out).toBe("mine until 2026-09-14 12:40:00 UTC\n");
    expect((await there.run("mode", "--gpu", CPU_UUID)).out).toBe("auto\n");
    expect(JSON.parse((await there.run("mode", "--gpu", OTHER, "--json")).out)).toEqual({
      mode: "mine",
      gpu: OTHER,
      untilMs: until,
    });
  });

  test("names the orders of single GPUs that one for the rig ends", async () => {
    await using there = await place(answers(rig));
    const gpu = `GPU 1 ${OTHER}: mine until 2026-09-14 12:40:00 UTC`;
    expect((await there.run("mode", "mine")).out).toBe(`mode mine\nended the order of ${gpu}\n`);
    expect((await there.run("mode", "mine", "--for", "1h")).out).toContain(`stands in for that of ${gpu}\n`);
    await using plain = await place(answers(fakeRig()));
    expect((await plain.run("mode", "mine")).out).toBe("mode mine\n");
  });

  test("orders one GPU for a while", async () => {
    await using there = await place({
      ...answers(rig),
      "/api/v1/mode": { mode: "pause", gpu: OTHER, untilMs: until },
    });
    const { out } = await there.run("mode", "pause", "--gpu", OTHER, "--for", "2h");
    expect(out).toBe(`mode pause until 2026-09-14 12:40:00 UTC, only ${OTHER}\n`);
    expect(JSON.parse(there.asked.at(-1)?.body ?? "")).toEqual({ mode: "pause", gpu: OTHER, forMs: 7_200_000 });
  });

  test("says of which GPUs the order is not true, because a customer has them", async () => {
    const gpus = [fakeGpu({ workload: "external", state: "rented" }), fakeGpu({ uuid: OTHER, index: 1 })];
    const there = await place(answers(fakeRig({ gpus })));
    expect((await there.run("mode", "mine")).out).toBe("mode mine; 1 GPU is rented out and stays so\n");
    await there[Symbol.asyncDispose]();
    await using free = await place(answers(rig));
    expect((await free.run("mode", "mine")).out).not.toContain("rented");
  });

  const wrong = [
    [
      "an unknown GPU",
      ["--gpu", "GPU-nobody"],
      /no GPU "GPU-nobody" \(ERR_RIG_UNKNOWN_GPU\): it has CPU-\S+, GPU-1c9e/,
    ],
    ["an index", ["--gpu", "0"], /"0" is no UUID.*\(ERR_USAGE\): take the UUID from `rigshift gpus`: CPU-/],
    ["no time", ["--for", "soon"], /--for: got "soon" \(ERR_USAGE\): give a length of time/],
    ["a time without end", ["--for", "31d"], /at most 30d/],
  ] as const;
  for (const [title, args, line] of wrong)
    test(`refuses ${title} in its own words, sending nothing`, async () => {
      await using there = await place(answers(rig));
      for (const order of [[], ["mine"]]) {
        const { code, err } = await there.run("mode", ...order, ...args);
        expect(code).toBe(2);
        expect(err).toMatch(line);
        expect(err).not.toMatch(/openapi|ModeRequest/);
      }
      expect(there.asked.filter(({ method }) => method === "POST")).toEqual([]);
    });
});
