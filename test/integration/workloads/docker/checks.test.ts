import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { workloadChecks } from "../../../../src/workloads/checks.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { signal } from "./harness.ts";

const engine = useEngine({ liveRestore: true });
let image: string;
beforeAll(async () => {
  if (DOCKER.present()) image = await engine().image("base");
});

async function levels(changes: Partial<Parameters<typeof workloadChecks>[0]>) {
  const parts = { clock: systemClock, env: {}, images: [image], pull: false, uid: 0, ...changes };
  const results = await Promise.all(
    workloadChecks(parts).map(async ({ name, run }) => [name, await run(signal)] as const),
  );
  return Object.fromEntries(results.map(([name, { level }]) => [name, level]));
}

describe("the checks of a rig with containers", () => {
  testWith(DOCKER, "pass on an Engine that has all it takes, but for CDI", async () => {
    expect(await levels({ host: engine().host })).toEqual({
      "docker engine": "ok",
      "containers' sockets": "ok",
      "gpu in containers": "warn",
      "engine restart": "ok",
      images: "ok",
    });
  });

  testWith(DOCKER, "fail for a missing image, and for a user who is not root", async () => {
    const absent = `sha256:${"0".repeat(64)}`;
    const found = await levels({ host: engine().host, images: [image, absent], uid: 1000 });
    expect(found).toMatchObject({ images: "fail", "containers' sockets": "fail" });
  });

  test("fail where no Engine answers, and say how to mend it", async () => {
    const checks = workloadChecks({
      clock: systemClock,
      env: {},
      host: "unix:///nowhere/docker.sock",
      images: ["sha256:0"],
      pull: false,
      uid: 0,
    });
    const result = await checks[0]?.run(signal);
    expect(result).toMatchObject({ level: "fail", mend: expect.stringContaining("start the Docker Engine") });
  });

  test("are none where nothing runs in containers", () => {
    expect(workloadChecks({ clock: systemClock, env: {}, images: [], pull: false, uid: 0 })).toEqual([]);
  });
});
