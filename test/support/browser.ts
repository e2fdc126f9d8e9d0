import { existsSync } from "node:fs";
import type { Requirement } from "./requirement.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

const findChromium = (): string | undefined =>
  [process.env.RIGSHIFT_CHROMIUM, ...PLACES].find((path) => path !== undefined && path !== "" && existsSync(path));

export const CHROMIUM: Requirement = {
  name: "Chromium",
  mend: "apt-get install -y chromium, or name the program in RIGSHIFT_CHROMIUM",
  expectedInCi: true,
  present: () => findChromium() !== undefined,
};

/** A fresh Chromium with a profile of its own that asks nothing of the network. */
export async function launchBrowser() {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("Chromium is missing");
  const { chromium } = await import("playwright-core");
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
