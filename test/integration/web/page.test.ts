import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildWeb } from "../../../scripts/build-web.ts";
import { CHROMIUM, launchBrowser } from "../../support/browser.ts";
import { fakeGpu, fakeJob, fakeRig, fakeTransition, START_MS } from "../../support/fake-rig-port.ts";
import { testWith } from "../../support/requirement.ts";
import { startAgent, type TestAgent, TOKEN } from "../http/harness.ts";
import { findLowContrast } from "./contrast.ts";

type Browser = Awaited<ReturnType<typeof launchBrowser>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;
type PageOptions = NonNullable<Parameters<Browser["newPage"]>[0]>;

let browser: Browser | undefined;
let webRoot = "";

beforeAll(async () => {
  if (!CHROMIUM.present()) return;
  ({ webRoot } = await buildWeb());
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

interface Visit extends AsyncDisposable {
  readonly agent: TestAgent;
  readonly page: Page;
  /** Console errors, thrown errors and refused requests so far. */
  readonly faults: string[];
}

async function visit(options: PageOptions = {}, prepare: (agent: TestAgent) => void = () => undefined): Promise<Visit> {
  if (!browser) throw new Error("no browser");
  const agent = await startAgent({ webRoot });
  prepare(agent);
  const page = await browser.newPage(options);
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(agent.server.url);
  await page.getByRole("heading", { name: agent.rig.current.rig }).waitFor();
  const leave = async () => {
    await page.close();
    await agent[Symbol.asyncDispose]();
  };
  return { agent, page, faults, [Symbol.asyncDispose]: leave };
}

const inferring = () =>
  fakeGpu({
    workload: "inference",
    tokensPerSecond: 212,
    hashrateEffectiveHps: null,
    hashrateReportedHps: null,
    why: "Two requests cover the handover.",
    sinceMs: START_MS,
  });

describe("the page", () => {
  testWith(CHROMIUM, "shows the rig, its work and its reasons, with nothing refused and no error", async () => {
    await using seen = await visit();
    const { page, faults } = seen;
    await page.getByText("Try-out:").waitFor();
    const card = page.getByRole("article", { name: "AMD Ryzen 9 7950X (CPU device)" });
    const text = await card.innerText();
    for (const part of [
      "Hashing",
      "for 12 min",
      "no request is waiting",
      "64.8",
      "assumed",
      "24.1",
      "reported 24.9 MH/s",
      "$0.0118",
    ])
      expect(text).toContain(part);
    const whole = await page.locator("main").innerText();
    for (const part of [
      "$0.0184",
      "391",
      "1,742",
      "rigshift-tiny",
      "devpool",
      "invented",
      "38 → 164 tokens",
      "inference → hashing",
    ])
      expect(whole).toContain(part);
    expect(await page.title()).toBe("Hashing · attic-01");
    expect(faults).toEqual([]);
  });

  testWith(CHROMIUM, "follows events live: work, jobs, handovers, and tells a screen reader", async () => {
    await using seen = await visit();
    const { agent, page, faults } = seen;
    await expect.poll(() => agent.rig.listeners).toBe(1);
    agent.rig.pushRig({ nowMs: START_MS + 1000, gpus: [inferring()] });
    agent.rig.push({ type: "job", job: fakeJob(77, { tokensIn: 11, tokensOut: 4321, endedMs: null, outcome: null }) });
    agent.rig.push({ type: "transition", transition: fakeTransition(77, { reason: "a new reason" }) });
    await page.getByText("Two requests cover the handover.").waitFor();
    await page.getByText("11 → 4,321 tokens").waitFor();
    await page.getByText("a new reason").waitFor();
    expect(await page.locator(".pill").innerText()).toBe("Inference");
    expect(await page.getByRole("status").innerText()).toContain("inference");
    expect(await page.title()).toBe("Inference · attic-01");
    expect(faults).toEqual([]);
  });

  testWith(CHROMIUM, "draws the last ten minutes from the agent's memory and answers to pointing", async () => {
    await using seen = await visit({}, ({ rig }) => {
      for (let second = 300; second >= 0; second -= 5)
        rig.pushRig({
          nowMs: START_MS - second * 1000,
          gpus: [second > 100 && second < 200 ? inferring() : fakeGpu()],
        });
    });
    const { page } = seen;
    await page.locator(".band").first().waitFor();
    await expect.poll(() => page.locator(".panel").first().locator(".band").count()).toBe(3);
    expect(await page.locator("[data-tone=inference] path.line").getAttribute("d")).toMatch(/^M[\d.]+ [\d.]+L/);
    expect(await page.getByRole("img", { name: /last ten minutes: 64.8 W now/ }).count()).toBe(1);
    await page.locator(".panels").hover();
    expect(await page.locator(".readout").innerText()).toMatch(/W · /);
  });

  testWith(CHROMIUM, "shows a dash for what is unknown, never a zero", async () => {
    const gpu = fakeGpu({ powerW: null, netUsdPerHour: null, hashrateEffectiveHps: null, hashrateReportedHps: null });
    await using seen = await visit({}, ({ rig }) => {
      rig.current = fakeRig({ gpus: [gpu], engine: null, pool: null });
    });
    const values = await seen.page.locator(".gpu .metric-value").allInnerTexts();
    expect(values.slice(0, 3).map((text) => text.replace(/\s+/g, " "))).toEqual(["– W", "– H/s", "–"]);
    expect(seen.faults).toEqual([]);
  });

  testWith(CHROMIUM, "writes what the agent says as text, whatever it looks like", async () => {
    const why = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    await using seen = await visit({}, ({ rig }) => {
      rig.current = fakeRig({ gpus: [fakeGpu({ why, name: "<b>GPU</b>" })] });
    });
    expect(await seen.page.locator(".why").innerText()).toBe(why);
    expect(await seen.page.locator("main img, main script, main b").count()).toBe(0);
    expect(seen.faults).toEqual([]);
  });
});

describe("the operator's mode", () => {
  testWith(CHROMIUM, "asks for the token once, says when it is wrong, and then switches at a click", async () => {
    await using seen = await visit();
    const { agent, page } = seen;
    await page.getByRole("button", { name: "Pause" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Token").fill("wrong");
    await dialog.getByRole("button", { name: "Change mode" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(agent.rig.modeRequests).toEqual([]);
    await dialog.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await expect.poll(() => page.getByRole("button", { name: "Pause" }).getAttribute("aria-pressed")).toBe("true");
    await page.getByRole("button", { name: "Observe" }).click();
    await page.getByText("Observing:").waitFor();
    expect(agent.rig.modeRequests).toEqual([{ mode: "pause" }, { mode: "observe" }]);
    expect(seen.faults).toEqual([expect.stringContaining("401")]);
  });

  testWith(
    CHROMIUM,
    "is pending after the click until the rig shows it, and the dialog says where the token is",
    async () => {
      await using seen = await visit();
      const { agent, page } = seen;
      await expect.poll(() => agent.rig.listeners).toBe(1);
      agent.rig.setMode = ({ mode }) => ({ mode, gpu: null, untilMs: null });
      await page.getByRole("button", { name: "Mine" }).click();
      await page.getByRole("dialog").getByText("cat /var/lib/rigshift/token").waitFor();
      await page.getByLabel("Token").fill(TOKEN);
      await page.keyboard.press("Enter");
      await page.getByText("Mine is pending until the rig confirms it.").waitFor();
      expect(await page.getByRole("button", { name: "Mine" }).getAttribute("aria-pressed")).toBe("false");
      agent.rig.pushRig({ mode: "mine", nowMs: START_MS + 1000, modeUntilMs: START_MS + 61_000 });
      await page.getByText(/Every GPU hashes; .* Until \d\d:41:01\./).waitFor();
      expect(await page.getByText("pending").count()).toBe(0);
    },
  );

  testWith(CHROMIUM, "of one GPU stands on its card, with its end", async () => {
    await using seen = await visit({}, ({ rig }) => {
      rig.current = fakeRig({ gpus: [fakeGpu({ mode: "pause", modeUntilMs: START_MS + 60_000 })] });
    });
    expect(await seen.page.locator(".gpu-head .tag").innerText()).toMatch(/^mode pause until \d\d:41:00$/);
  });

  testWith(CHROMIUM, "can be reached and left with the keyboard alone", async () => {
    await using seen = await visit();
    const { agent, page } = seen;
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Observe");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("token");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(agent.rig.modeRequests).toEqual([]);
  });
});

describe("what a glance must not miss", () => {
  testWith(CHROMIUM, "a dead pool, a failed engine and a GPU out of work are each told in a banner", async () => {
    const { engine, pool } = fakeRig();
    await using seen = await visit({}, ({ rig }) => {
      rig.current = fakeRig({
        pool: pool && { ...pool, state: "down", reason: "connection refused", sinceMs: START_MS - 90_000 },
        engine: engine && { ...engine, state: "failed", reason: "out of memory" },
        gpus: [fakeGpu({ state: "faulted", why: "The miner did not start." })],
      });
    });
    const banners = await seen.page.locator('main [role="alert"]').allInnerTexts();
    expect(banners).toEqual([
      expect.stringMatching(/^The pool is down since \d\d:38:30: connection refused$/),
      "The engine failed: out of memory",
      expect.stringMatching(/is out of work since \d\d:28:00: The miner did not start\.$/),
    ]);
    expect(await findLowContrast(seen.page)).toEqual([]);
    expect(seen.faults).toEqual([]);
  });

  testWith(CHROMIUM, "what does not go as configured on a GPU, on its card and no other, until it does", async () => {
    const warnings = ["the profile for hashing is not in force: limit refused", "<b>vast</b> may still run"];
    const other = fakeGpu({ uuid: "GPU-1", index: 1, name: "Other" });
    await using seen = await visit({}, ({ rig }) => {
      rig.current = fakeRig({ gpus: [fakeGpu({ warnings }), other] });
    });
    const { agent, page, faults } = seen;
    const warned = page.getByRole("list", { name: "Warnings" });
    expect(await warned.allInnerTexts()).toEqual([warnings.map((words) => `Warning: ${words}`).join("\n")]);
    expect(await page.getByRole("article", { name: "Other" }).getByText("Warning").count()).toBe(0);
    await expect.poll(() => agent.rig.listeners).toBe(1);
    agent.rig.pushRig({ nowMs: START_MS + 1000, gpus: [fakeGpu(), other] });
    await warned.waitFor({ state: "detached" });
    expect(faults).toEqual([]);
  });

  testWith(CHROMIUM, "invented prices, outside the try-out as well, and never without need", async () => {
    await using seen = await visit({}, ({ rig }) => {
      rig.current = fakeRig({ tryOut: false });
    });
    const { agent, page } = seen;
    await page.getByText("Invented prices:").waitFor();
    expect(await page.locator(".today h2").innerText()).toContain("invented prices");
    expect(await page.locator(".gpu .metrics").innerText()).toContain("per hour, invented");
    await expect.poll(() => agent.rig.listeners).toBe(1);
    agent.rig.pushRig({ nowMs: START_MS + 1000, market: { ...fakeRig().market, invented: false } });
    await page.getByText("Invented prices:").waitFor({ state: "detached" });
    expect(await page.locator(".today h2").innerText()).not.toContain("invented");
  });

  testWith(CHROMIUM, "a request that was turned away reads as refused, with no joules", async () => {
    await using seen = await visit({}, ({ rig }) => {
      rig.jobRows = [fakeJob(50, { outcome: "expired", energyMj: 0, energyQuality: null, energyErrorPct: null })];
    });
    const row = seen.page.locator(".jobs tbody tr").first();
    expect(await row.locator(".tag").innerText()).toBe("refused");
    expect(await row.locator(".tag.bad").count()).toBe(0);
    expect((await row.locator('[data-label="Energy"]').innerText()).trim()).toBe("–");
  });
});

describe("an agent that stops answering", () => {
  testWith(CHROMIUM, "is told with the time, and all is live again once it is back", async () => {
    const seen = await visit();
    const { agent, page } = seen;
    const { port, rig } = agent;
    await agent.server.close();
    await page.getByText(/Agent not answering since \d\d:\d\d:\d\d/).waitFor();
    expect(await page.getByRole("button", { name: "Mine" }).isDisabled()).toBe(true);
    const stopped = await page.locator(".since").innerText();
    await page.waitForTimeout(1500);
    expect(await page.locator(".since").innerText()).toBe(stopped);

    rig.restart();
    rig.current = fakeRig({ startedMs: START_MS, gpus: [fakeGpu({ why: "Fresh from a restart." })] });
    await using again = await startAgent({ webRoot, rig, listen: { host: "127.0.0.1", port } });
    await page.getByText("Fresh from a restart.").waitFor();
    await expect.poll(() => page.getByText(/not answering/i).count()).toBe(0);
    expect(again.rig.listeners).toBe(1);
    await page.close();
  });
});

describe("at every size and in both colour schemes", () => {
  const views = [
    ["a wide screen", 1440, 900],
    ["a phone", 390, 844],
  ] as const;
  for (const [name, width, height] of views) {
    for (const colorScheme of ["light", "dark"] as const) {
      testWith(
        CHROMIUM,
        `${name}, ${colorScheme}: every text has AA contrast and nothing scrolls sideways`,
        async () => {
          const gpus = [
            fakeGpu({ warnings: ["the profile for hashing is not in force: the driver refused the limit"] }),
            fakeGpu({
              ...inferring(),
              uuid: "GPU-1",
              index: 1,
              temperatureC: 61,
              vramUsedMiB: 900,
              vramTotalMiB: 24_564,
            }),
            fakeGpu({ uuid: "GPU-2", index: 2, state: "warming" }),
            fakeGpu({ uuid: "GPU-3", index: 3, state: "faulted", health: "lost" }),
            fakeGpu({ uuid: "GPU-4", index: 4, state: "rented", workload: "external" }),
            fakeGpu({ uuid: "GPU-5", index: 5, state: "idle", workload: "none" }),
          ];
          await using seen = await visit({ viewport: { width, height }, colorScheme }, ({ rig }) => {
            rig.current = fakeRig({ mode: "observe", gpus });
            rig.jobRows = [
              fakeJob(50, { endedMs: null, outcome: null }),
              fakeJob(49, { outcome: "failed" }),
              ...rig.jobRows,
            ];
          });
          const { page } = seen;
          await page.getByText("failed").waitFor();
          expect(await findLowContrast(page)).toEqual([]);
          await page.getByRole("button", { name: "Mine" }).click();
          await page.getByRole("dialog").waitFor();
          expect(await findLowContrast(page)).toEqual([]);
          expect(
            await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
          ).toBe(0);
        },
      );
    }
  }

  for (const [count, width] of [1, 8].flatMap((gpus) => [1440, 800, 400].map((wide) => [gpus, wide] as const))) {
    testWith(CHROMIUM, `${count} of GPUs, ${width} pixels wide: nothing leaves its card`, async () => {
      const warnings = [`rigshift mode auto --gpu GPU-${"0".repeat(90)}`];
      const gpus = Array.from({ length: count }, (_, index) =>
        fakeGpu({ uuid: `GPU-${index}`, index, temperatureC: 61, netUsdPerHour: -0.0233, warnings }),
      );
      await using seen = await visit({ viewport: { width, height: 900 } }, ({ rig }) => {
        rig.current = fakeRig({ mode: "observe", gpus });
        rig.jobRows = [
          fakeJob(51, { endedMs: null, outcome: null, sharesRejected: 1 }),
          fakeJob(49, { revenueUsdNano: 51_500, electricityUsdNano: 193 }),
          ...rig.jobRows,
        ];
      });
      const { page } = seen;
      await page.getByText("71 shares, 1 rejected").waitFor();
      const strays = await page.evaluate(() =>
        [...document.querySelectorAll(".card")].flatMap((card) => {
          const edge = card.getBoundingClientRect().right;
          const parts = [...card.querySelectorAll("td, th, dt, dd, .why, .warnings li, .fact-main, .note, .value")];
          // Handovers that find no room stand beside their card, unseen.
          const shown = parts.filter((part) => part.closest(".handovers") === null);
          return shown.filter((part) => part.getBoundingClientRect().right > edge - 8).map((part) => part.textContent);
        }),
      );
      expect(strays).toEqual([]);
    });
  }

  testWith(CHROMIUM, "a long path in the token dialog wraps on a phone", async () => {
    await using seen = await visit({ viewport: { width: 390, height: 844 } }, ({ rig }) => {
      rig.current = fakeRig({ dataDir: `/home/somebody/${"a-folder-with-a-long-name/".repeat(4)}.rigshift` });
    });
    const { page } = seen;
    await page.getByRole("button", { name: "Mine" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    expect(await dialog.evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);
  });

  testWith(CHROMIUM, "nothing jumps when the numbers change", async () => {
    await using seen = await visit({ viewport: { width: 1440, height: 900 } });
    const { agent, page } = seen;
    const topOf = () =>
      page.getByRole("heading", { name: "Last jobs" }).evaluate((node) => node.getBoundingClientRect().top);
    const before = await topOf();
    agent.rig.pushRig({
      nowMs: START_MS + 1000,
      gpus: [fakeGpu({ powerW: 9.4, netUsdPerHour: -0.1, roundTripMs: null })],
    });
    agent.rig.pushRig({ nowMs: START_MS + 2000, gpus: [inferring()] });
    await page.getByText("Two requests cover the handover.").waitFor();
    expect(await topOf()).toBe(before);
  });
});
