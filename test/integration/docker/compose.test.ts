import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { readAgentFile } from "../../../src/api/agent-file.ts";
import { eventually, rigYaml } from "../../support/agent-process.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import { testWith } from "../../support/requirement.ts";
import { readRootFile } from "../../support/source-tree.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { stop } from "./containers.ts";

/** Exactly the keys that `toRun` knows how to turn into options, so that no setting of the file goes untested. */
const schema = z.strictObject({
  name: z.literal("rigshift"),
  services: z.strictObject({
    rigshift: z.strictObject({
      image: z.string(),
      network_mode: z.string(),
      pid: z.string(),
      group_add: z.array(z.string()),
      volumes: z.array(z.string()),
      read_only: z.literal(true),
      tmpfs: z.array(z.string()),
      cap_drop: z.array(z.string()),
      security_opt: z.array(z.string()),
      stop_grace_period: z.string().regex(/^\d+s$/),
      restart: z.string(),
      logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
    }),
  }),
});

const { rigshift } = schema.parse(parse(readRootFile("docker/compose.yaml"))).services;
const engine = useEngine();

const each = (option: string, values: readonly string[]): readonly string[] =>
  values.flatMap((value) => [option, value]);

/** What compose would ask the Engine for, with this test's folders in place of the machine's. */
function toRun(folders: Readonly<Record<string, string>>, group: number): readonly string[] {
  const volumes = rigshift.volumes.map((volume) => {
    const [source = "", ...rest] = volume.split(":");
    return [folders[source] ?? `/nowhere${source}`, ...rest].join(":");
  });
  const logOptions = Object.entries(rigshift.logging.options).map(([key, value]) => `${key}=${value}`);
  return [
    ...["--network", rigshift.network_mode, "--pid", rigshift.pid, "--read-only", "--restart", rigshift.restart],
    ...each(
      "--group-add",
      rigshift.group_add.map((name) => name.replace(/^\$\{DOCKER_GID:\?[^}]+\}$/, String(group))),
    ),
    ...each("--volume", volumes),
    ...each("--tmpfs", rigshift.tmpfs),
    ...each("--cap-drop", rigshift.cap_drop),
    ...each("--security-opt", rigshift.security_opt),
    ...["--stop-timeout", String(Number.parseInt(rigshift.stop_grace_period, 10))],
    ...["--log-driver", rigshift.logging.driver, ...each("--log-opt", logOptions)],
  ];
}

/** The folders of the compose file, as the guide makes them. */
function machine(directory: TemporaryDirectory, socket: string): Readonly<Record<string, string>> {
  const data = join(directory.path, "data");
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, 10_001, 10_001);
  chmodSync(directory.path, 0o755);
  const model = "/app/docker/engine/model/rigshift-tryout.gguf";
  const yaml = rigYaml().replace(/modelFile: \S+\.gguf/, `modelFile: ${model}`);
  directory.write("etc/rig.yaml", yaml);
  return { "/var/run/docker.sock": socket, "/etc/rigshift": join(directory.path, "etc"), "/var/lib/rigshift": data };
}

describe("the compose file", () => {
  beforeAll(async () => {
    if (DOCKER.present()) await engine().image("agent");
  });

  testWith(DOCKER, "runs the agent, which hashes, serves its page, and may speak to the Engine", async () => {
    using directory = new TemporaryDirectory();
    const folders = machine(directory, engine().socketPath);
    const options = toRun(folders, statSync(engine().socketPath).gid);
    const container = await engine().docker("run", "--detach", ...options, await engine().image("agent"));
    const data = folders["/var/lib/rigshift"] ?? "";
    const url = await eventually(() => readAgentFile(data)?.url);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await (await fetch(url)).text()).toContain("<title>");
    const shares = /rigshift_today_shares\{[^}]*verdict="accepted"[^}]*\} [1-9]/;
    await eventually(async () => shares.test(await (await fetch(`${url}/metrics`)).text()));

    const ping = "http.get({socketPath:'/var/run/docker.sock',path:'/_ping'},r=>process.exit(r.statusCode===200?0:1))";
    await expect(engine().docker("exec", container, "node", "-e", ping)).resolves.toBe("");
    expect(statSync(join(data, "ledger.sqlite")).uid).toBe(10_001);
    expect(await stop(engine(), container)).toMatchObject({ code: 0 });
  });

  testWith(DOCKER, "gives the agent every GPU to read on a rig with NVIDIA's toolkit", async () => {
    const [devices] = devicesOf(readRootFile("docker/compose.nvidia.yaml"));
    expect(devices).toEqual({ driver: "nvidia", count: "all", capabilities: ["gpu", "utility"] });
    const asked = ["--gpus", "all,capabilities=utility", "--entrypoint", "nvidia-smi"];
    await engine().docker("run", "--rm", ...asked, await engine().image("agent"));
    expect(engine().gpuRequests.at(-1)?.devices).toEqual(["all"]);
  });

  test("names the image of this version", () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"));
    expect(rigshift.image).toBe(`rigshift/agent:${version}`);
  });
});

function devicesOf(text: string): readonly unknown[] {
  const device = z.strictObject({ driver: z.string(), count: z.string(), capabilities: z.array(z.string()) });
  const only = <Shape extends z.core.$ZodLooseShape>(shape: Shape) => z.strictObject(shape);
  const reservations = only({ reservations: only({ devices: z.array(device) }) });
  const file = only({ services: only({ rigshift: only({ deploy: only({ resources: reservations }) }) }) });
  return file.parse(parse(text)).services.rigshift.deploy.resources.reservations.devices;
}
