import { beforeAll, expect } from "vitest";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { contained, Drivers, ready, signal } from "./harness.ts";

const GPU = "GPU-11111111-2222-3333-4444-555555555555";
const engine = useEngine();
const drivers = new Drivers(engine);
let image: string;
beforeAll(async () => {
  if (DOCKER.present()) image = await engine().image("base");
});

testWith(
  DOCKER,
  "a container of others is told with the GPUs that it was promised, as long as it runs; ours is not",
  async () => {
    const { driver } = drivers.create([image]);
    await ready(driver, contained(image, "", { container: { gpus: [GPU] } }));
    const run = ["run", "--detach", "--name", "renter", "--gpus", `"device=${GPU}"`, image, "node", "-e"];
    await engine().docker(...run, "setInterval(()=>{},1e6)");
    await engine().docker("run", "--detach", "--name", "plain", image, "node", "-e", "setInterval(()=>{},1e6)");
    try {
      expect(await driver.gpuClaims(signal)).toMatchObject([{ name: "renter", gpus: [GPU] }]);
      expect(await driver.gpuClaims(signal)).toMatchObject([{ name: "renter", gpus: [GPU] }]);
      await engine().docker("rm", "--force", "renter");
      expect(await driver.gpuClaims(signal)).toEqual([]);
    } finally {
      await engine()
        .docker("rm", "--force", "renter", "plain")
        .catch(() => "gone already");
    }
  },
);
