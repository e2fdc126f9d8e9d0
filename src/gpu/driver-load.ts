import { statSync } from "node:fs";
import { join } from "node:path";
import { type MachineFiles, machineFiles, readText } from "./machine-files.ts";

/** Every load of a module makes a new folder; its inode number is unique, while its times are of the last look. */
export function moduleInstance({ sys }: MachineFiles): string | undefined {
  try {
    return statSync(join(sys, "module/nvidia"), { bigint: true }).ino.toString();
  } catch {
    // No such folder in this container or system.
    return undefined;
  }
}

/** Names the machine's boot; undefined where the system does not. */
export const readBootId = (files: MachineFiles = machineFiles): string | undefined =>
  readText(files.proc, "sys/kernel/random/boot_id");

/** Names the machine's boot and the load of NVIDIA's driver; what cannot be told is left empty. */
export const driverLoadOf = (files: MachineFiles): string =>
  `${readText(files.proc, "sys/kernel/random/boot_id") ?? ""}/${moduleInstance(files) ?? ""}`;

/** Whether the machine was booted, or the driver loaded, since `before`; never where one of both is not known. */
export function isLaterLoad(before: string, now: string): boolean {
  const [bootBefore = "", instanceBefore = ""] = before.split("/");
  const [boot = "", instance = ""] = now.split("/");
  const differ = (one: string, other: string) => one !== "" && other !== "" && one !== other;
  return differ(bootBefore, boot) || differ(instanceBefore, instance);
}
