import { beforeAll, expect } from "vitest";
import { SOCKET_VOLUME, socketVolume } from "../../../../src/workloads/docker/create-body.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { contained, Drivers, ready, signal } from "./harness.ts";

const engine = useEngine();
const drivers = new Drivers(engine);
let image: string;
beforeAll(async () => {
  if (DOCKER.present()) image = await engine().image("base");
});
const volumes = async () =>
  (await engine().docker("volume", "ls", "--quiet")).split("\n").filter((name) => name.startsWith(SOCKET_VOLUME));
const OLD = socketVolume("test", "no such work");
const OTHERS = socketVolume("another rig", "engine");

testWith(DOCKER, "the folder of a socket that lost its container is swept at the next start, no other is", async () => {
  const { driver } = drivers.create([image]);
  await ready(driver, contained(image));
  await engine().docker("volume", "create", "--label", "rigshift.rig=test", OLD);
  await engine().docker("volume", "create", "--label", "rigshift.rig=another rig", OTHERS);
  await driver.adopt(signal);
  expect((await volumes()).sort()).toEqual([OTHERS, socketVolume("test", "engine")].sort());
});

testWith(DOCKER, "one that is in use when its container goes is removed with the next one's", async () => {
  const { driver } = drivers.create([image]);
  await ready(driver, contained(image));
  const own = socketVolume("test", "engine");
  const holds = ["run", "--detach", "--name", "holder", "--volume", `${own}:/held`, image, "node", "-e"];
  await engine().docker(...holds, "setInterval(()=>{},1e6)");
  try {
    await driver.discard("engine", signal);
    expect(await volumes()).toContain(own);
  } finally {
    await engine().docker("rm", "--force", "holder");
  }
  await ready(driver, contained(image, "", { name: "second" }));
  await driver.discard("second", signal);
  expect(await volumes()).not.toContain(own);
});
