import { join } from "node:path";
import { listNames, type MachineFiles, readText } from "./machine-files.ts";

const SENSOR_CHIPS = ["coretemp", "k10temp", "zenpower", "cpu_thermal"];
const THERMAL_ZONES = ["x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc_thermal"];

/** The files that tell the CPU's temperature, package sensors first; none in most virtual machines. */
export function findTemperatureFiles({ sys }: MachineFiles): readonly string[] {
  const hwmon = join(sys, "class/hwmon");
  const chips = listNames(hwmon).filter((name) => SENSOR_CHIPS.includes(readText(hwmon, name, "name") ?? ""));
  if (chips.length > 0) return chips.map((name) => join(hwmon, name, "temp1_input"));
  const thermal = join(sys, "class/thermal");
  return listNames(thermal)
    .filter((name) => THERMAL_ZONES.includes(readText(thermal, name, "type") ?? ""))
    .map((name) => join(thermal, name, "temp"));
}

/** The hottest of `files` in °C; undefined when none can be read. */
export function readTemperature(files: readonly string[]): number | undefined {
  const degrees = files.map((file) => toCelsius(readText(file))).filter((value) => value !== undefined);
  return degrees.length > 0 ? Math.max(...degrees) : undefined;
}

function toCelsius(milliDegrees: string | undefined): number | undefined {
  if (milliDegrees === undefined || !/^-?\d{1,7}$/.test(milliDegrees)) return undefined;
  const celsius = Number(milliDegrees) / 1000;
  return celsius > -60 && celsius < 200 ? celsius : undefined;
}
