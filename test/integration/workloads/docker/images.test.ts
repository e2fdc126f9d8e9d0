import { randomBytes } from "node:crypto";
import { afterEach, describe, expect } from "vitest";
import type { PullProgress } from "../../../../src/workloads/docker/images.ts";
import { Registry } from "../../../support/docker/registry.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { contained, Drivers, signal } from "./harness.ts";

const engine = useEngine();
const drivers = new Drivers(engine);
const opened: Registry[] = [];
afterEach(async () => {
  for (const registry of opened.splice(0)) await registry[Symbol.asyncDispose]();
});

async function registry(content: Buffer): Promise<Registry> {
  const started = await Registry.start(content);
  opened.push(started);
  return started;
}

describe("an image that is not on this machine", () => {
  testWith(DOCKER, "is fetched by its digest, and told of while it comes", async () => {
    const { image } = await registry(randomBytes(3 << 20));
    const told: PullProgress[] = [];
    const { driver } = drivers.create([image], {
      images: { allowed: [image], pull: true },
      onPull: (step) => told.push(step),
    });
    // The image holds no program: that it is asked to run at all proves that it arrived.
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({ kind: "failed", code: "ERR_WORK_SPAWN" });
    expect(await engine().docker("image", "inspect", "--format", "{{json .RepoDigests}}", image)).toContain(image);
    expect(told.at(-1)).toEqual({ image, layers: 2, layersDone: 2, percent: 100 });
    const percents = told.flatMap(({ percent }) => (percent === undefined ? [] : [percent]));
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(await engine().docker("ps", "--all", "--quiet")).toBe("");
    await engine().docker("rmi", image);
  });

  testWith(DOCKER, "is not fetched unless that is allowed", async () => {
    const { image } = await registry(Buffer.from("x"));
    const { driver } = drivers.create([image]);
    const readiness = await driver.ensureReady(contained(image), signal);
    expect(readiness).toMatchObject({
      kind: "failed",
      code: "ERR_IMAGE_MISSING",
      mend: `fetch it: docker pull ${image}`,
    });
  });

  testWith(DOCKER, "is refused when the registry sends something else than its digest says", async () => {
    const forged = await registry(randomBytes(1000));
    forged.tamper();
    const { driver } = drivers.create([], { images: { allowed: [forged.image], pull: true } });
    const readiness = await driver.ensureReady(contained(forged.image), signal);
    expect(readiness).toMatchObject({ kind: "failed", code: "ERR_IMAGE_PULL", retryable: true });
    await expect(engine().docker("image", "inspect", forged.image)).rejects.toThrow();
  });

  testWith(DOCKER, "is refused under a digest that the registry does not know", async () => {
    const { image } = await registry(Buffer.from("x"));
    const other = image.replace(/[0-9a-f]{64}$/, "3".repeat(64));
    const { driver } = drivers.create([], { images: { allowed: [other], pull: true } });
    expect(await driver.ensureReady(contained(other), signal)).toMatchObject({ code: "ERR_IMAGE_PULL" });
  });
});

testWith(DOCKER, "an image that brings a volume of its own is refused, because it could fill the disk", async () => {
  const container = await engine().docker("create", "--entrypoint", "node", await engine().image("base"));
  const made = await engine().docker("commit", "--change", "VOLUME /data", container);
  const { driver } = drivers.create([made]);
  expect(await driver.ensureReady(contained(made), signal)).toMatchObject({
    kind: "failed",
    code: "ERR_IMAGE_NOT_ALLOWED",
    reason: expect.stringContaining("/data"),
  });
});
