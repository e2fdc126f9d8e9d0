import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { type ExpectedGpu, replay } from "./replay.ts";

const folder = resolve(import.meta.dirname, "../../../fixtures/nvidia-smi");
const idOf = (digit: string): string => `GPU-${[8, 4, 4, 4, 12].map((length) => digit.repeat(length)).join("-")}`;

/** What most of the fixtures do not tell. */
const silent: Omit<ExpectedGpu, "uuid" | "name" | "bus"> = {
  architecture: null,
  power: null,
  limit: null,
  temperature: null,
  fan: null,
  utilization: null,
  vram: [null, null],
  mig: null,
  processes: null,
  health: "ok",
};

const rows: readonly [title: string, file: string, driver: string, gpus: readonly ExpectedGpu[]][] = [
  [
    "the layout before 535 is known by its elements, though its DOCTYPE is that of later ones",
    "r525-under-doctype-v12.xml",
    "525.10.20",
    [
      {
        ...silent,
        ...{ uuid: idOf("1"), name: "NVIDIA Example 25", architecture: "Ampere", bus: "00000000:01:00.0" },
        ...{ power: [251.37, "draw"], limit: 255, temperature: 61, fan: 41, utilization: 97 },
        ...{ vram: [1201, 24576], processes: [1, 1190] },
      },
    ],
  ],
  [
    "the layout of 535 gives its one draw, the limit in force, and no distance to a limit as temperature",
    "r535-draw-only.xml",
    "535.11.22",
    [
      {
        ...silent,
        ...{ uuid: idOf("2"), name: "NVIDIA Example 35", architecture: "Ada Lovelace", bus: "00000000:02:00.0" },
        ...{ power: [12.04, "draw"], limit: 285, temperature: 38, fan: 0, utilization: 0 },
        ...{ vram: [5, 16376], processes: [0, null] },
      },
    ],
  ],
  [
    "the layout of 570 gives the instant power before the average, and not that of the memory",
    "r570-average-and-instant.xml",
    "570.33.44",
    [
      {
        ...silent,
        ...{ uuid: idOf("3"), name: "NVIDIA Example 70", architecture: "Ampere", bus: "00000000:03:00.0" },
        ...{ power: [140.2, "instant"], limit: 170, temperature: 66, fan: 55, utilization: 88 },
        ...{ vram: [9000, 12288], processes: [0, null] },
      },
    ],
  ],
  [
    "the layout of 595 is read around its comments, its spaces and its deprecated words",
    "r595-average-absent.xml",
    "595.55.66",
    [
      {
        ...silent,
        ...{ uuid: idOf("4"), name: "NVIDIA Example 95", architecture: "Turing", bus: "00000000:04:00.0" },
        ...{ power: [9.23, "instant"], limit: 175, temperature: 44, fan: 35, utilization: 3 },
        ...{ vram: [1, 8192], processes: [0, null] },
      },
    ],
  ],
  [
    "a GPU in MIG mode is one GPU with its own memory, and a process in two instances is one process",
    "mig.xml",
    "590.77.88",
    [
      {
        ...silent,
        ...{ uuid: idOf("5"), name: "NVIDIA Example MIG", architecture: "Hopper", bus: "00000000:05:00.0" },
        ...{ power: [447.35, "instant"], limit: 700, temperature: 53, vram: [11125, 81559] },
        ...{ mig: true, processes: [2, 1031] },
      },
    ],
  ],
  [
    "every way to say nothing leaves the field absent, never zero",
    "vgpu-every-way-to-say-nothing.xml",
    "550.99.11",
    [{ ...silent, uuid: idOf("6"), name: "GRID Example", bus: "00000000:06:00.0", vram: [null, 4096] }],
  ],
  [
    "a laptop has power and neither a limit nor a fan",
    "laptop.xml",
    "515.12.13",
    [
      {
        ...silent,
        ...{ uuid: idOf("7"), name: "NVIDIA Example Laptop GPU", architecture: "Ampere", bus: "00000000:07:00.0" },
        ...{ power: [8.7, "draw"], temperature: 45, utilization: 0, vram: [5, 6144], processes: [1, 4] },
      },
    ],
  ],
  [
    "on Windows processes are listed without their memory",
    "windows.xml",
    "516.14.15",
    [
      {
        ...silent,
        ...{ uuid: idOf("8"), name: "NVIDIA Example Desktop", architecture: "Turing", bus: "00000000:08:00.0" },
        ...{ power: [14.5, "draw"], limit: 275, temperature: 29, fan: 37, utilization: 2 },
        ...{ vram: [862, 8192], processes: [2, null] },
      },
    ],
  ],
  [
    "an unwell GPU says so, one without an id is left out, one that may be drained later still works",
    "unwell.xml",
    "580.16.17",
    [
      { ...unwell("a", "0A"), power: [30, "draw"], health: "reset-required" },
      { ...unwell("b", "0B"), power: [31, "instant"], health: "reset-required" },
      { ...unwell("c", "0C"), health: "lost" },
      { ...unwell("e", "0E"), power: [33, "instant"] },
    ],
  ],
];

function unwell(digit: string, bus: string): ExpectedGpu {
  return { ...silent, uuid: idOf(digit), name: "NVIDIA Example", bus: `00000000:${bus}:00.0`, vram: [10, 8192] };
}

for (const [title, file, driver, gpus] of rows)
  test(title, async () => {
    expect(await replay(readFileSync(join(folder, file), "utf8"))).toEqual({ driver, gpus });
  });
