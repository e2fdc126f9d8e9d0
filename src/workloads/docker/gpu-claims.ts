import { z } from "zod";
import type { GpuClaim } from "../driver.ts";
import { printable } from "../lines.ts";
import { parsed } from "./containers.ts";
import { type Engine, wasRefusedWith } from "./engine.ts";
import { containerName, readLabels } from "./labels.ts";

const text = z.string().max(4096);
const id = z.string().regex(/^[0-9a-f]{12,64}$/);

const listSchema = z.array(
  z.looseObject({ Id: id, Names: z.array(text).nullish(), Labels: z.record(z.string(), z.string()).nullish() }),
);

const inspectSchema = z.looseObject({
  Config: z.looseObject({ Env: z.array(z.string().max(131_072)).nullish().catch(undefined) }),
  HostConfig: z.looseObject({
    Runtime: text.catch(""),
    DeviceRequests: z
      .array(
        z.looseObject({
          Driver: text.catch(""),
          Count: z.int().catch(0),
          DeviceIDs: z.array(text).max(256).nullish().catch(undefined),
          Capabilities: z.array(z.array(text)).nullish().catch(undefined),
        }),
      )
      .nullish()
      .catch(undefined),
  }),
});
type Inspected = z.infer<typeof inspectSchema>;

const VISIBLE = "NVIDIA_VISIBLE_DEVICES=";
const CDI = "nvidia.com/gpu=";
const NONE = ["", "none", "void"];
const LONGEST_NAME = 128;

/** The GPUs that a container was created to see: all, or those named by UUID or index; nothing without a request. */
export function claimOf({ HostConfig, Config }: Inspected): GpuClaim["gpus"] | undefined {
  const named = (HostConfig.DeviceRequests ?? []).flatMap(({ Driver, Count, DeviceIDs, Capabilities }) => {
    if (Driver === "cdi")
      return (DeviceIDs ?? []).flatMap((one) => (one.startsWith(CDI) ? [one.slice(CDI.length)] : []));
    const isNvidia =
      Driver === "nvidia" || (Driver === "" && Capabilities?.some((set) => set.includes("gpu")) === true);
    if (!isNvidia) return [];
    if (DeviceIDs?.length) return DeviceIDs;
    // NVIDIA's hook counts from the first card on.
    return Count < 0 ? ["all"] : Array.from({ length: Math.min(Count, 64) }, (_, index) => String(index));
  });
  // Many images name all GPUs in their environment; only NVIDIA's own runtime heeds it.
  const visible = Config.Env?.findLast((one) => one.startsWith(VISIBLE))?.slice(VISIBLE.length);
  if (HostConfig.Runtime === "nvidia" && visible !== undefined) named.push(...visible.split(","));
  const gpus = named.map((one) => one.trim()).filter((one) => !NONE.includes(one));
  if (gpus.includes("all")) return "all";
  return gpus.length === 0 ? undefined : gpus;
}

/** Which running containers, none of them this rig's, were promised GPUs. A container is described once in its life. */
export class GpuClaims {
  readonly #engine: Engine;
  readonly #rig: string;
  #known = new Map<string, GpuClaim["gpus"] | undefined>();

  constructor(engine: Engine, rig: string) {
    this.#engine = engine;
    this.#rig = rig;
  }

  async read(signal: AbortSignal): Promise<readonly GpuClaim[]> {
    const answer = await this.#engine.read("list the containers", signal, (docker, abortSignal) =>
      docker.listContainers({ abortSignal }),
    );
    const running = parsed(listSchema, answer).filter(({ Names, Labels }) => !this.#isOurs(Names ?? [], Labels ?? {}));
    const known = new Map<string, GpuClaim["gpus"] | undefined>();
    for (const { Id } of running)
      known.set(Id, this.#known.has(Id) ? this.#known.get(Id) : await this.#ask(Id, signal));
    this.#known = known;
    return running.flatMap(({ Id, Names }) => {
      const gpus = known.get(Id);
      const name = printable(Names?.[0]?.replace(/^\//, "") ?? Id.slice(0, 12), LONGEST_NAME);
      return gpus === undefined ? [] : [{ container: Id, name, gpus }];
    });
  }

  #isOurs(names: readonly string[], labels: Readonly<Record<string, string>>): boolean {
    const ours = readLabels(this.#rig, labels);
    return ours !== undefined && names.includes(`/${containerName(this.#rig, ours.name)}`);
  }

  async #ask(container: string, signal: AbortSignal): Promise<GpuClaim["gpus"] | undefined> {
    try {
      const answer = await this.#engine.read("describe a container", signal, (docker, abortSignal) =>
        docker.getContainer(container).inspect({ abortSignal }),
      );
      return claimOf(parsed(inspectSchema, answer));
    } catch (error) {
      // It ended between the list and the question.
      if (wasRefusedWith(error, 404)) return undefined;
      throw error;
    }
  }
}
