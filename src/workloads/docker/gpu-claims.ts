import { z } from "zod";
import type { Clock } from "../../lib/clock.ts";
import { isRigError, messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, seconds, type UnixMs, unixMs } from "../../units/time.ts";
import type { GpuClaim } from "../driver.ts";
import { printable } from "../lines.ts";
import { parsed } from "./containers.ts";
import { type Engine, wasRefusedWith } from "./engine.ts";
import { containerName, readLabels } from "./labels.ts";

const text = z.string().max(4096);
const id = z.string().regex(/^[0-9a-f]{12,64}$/);

const listSchema = z.array(
  z.looseObject({
    Id: id,
    Names: z.array(text).nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
    Image: text.optional().catch(undefined),
  }),
);

const inspectSchema = z.looseObject({
  Config: z.looseObject({ Env: z.array(z.string().max(131_072)).nullish().catch(undefined) }),
  State: z
    .looseObject({ StartedAt: text.catch("") })
    .nullish()
    .catch(undefined),
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
const CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES=";
const LONGEST_NAME = 128;
const ASK_AGAIN_AFTER = seconds(30);

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
  if (canOnlyLook({ HostConfig, Config })) return undefined;
  const gpus = named.map((one) => one.trim()).filter((one) => !NONE.includes(one));
  if (gpus.includes("all")) return "all";
  return gpus.length === 0 ? undefined : gpus;
}

/** Of the driver's parts it asked for none but those that read: nothing computes or draws with them. */
function canOnlyLook({ HostConfig, Config }: Inspected): boolean {
  const asked = (HostConfig.DeviceRequests ?? []).flatMap(({ Capabilities }) => Capabilities?.flat() ?? []);
  const env = Config.Env?.findLast((one) => one.startsWith(CAPABILITIES))?.slice(CAPABILITIES.length);
  const parts = [...asked, ...(env?.split(",") ?? [])]
    .map((one) => one.trim())
    .filter((one) => !NOT_A_PART.includes(one));
  return parts.length > 0 && parts.every((one) => one === "utility");
}

const NOT_A_PART = ["", "gpu", "nvidia"];

export interface GpuClaimParts {
  readonly engine: Engine;
  readonly rig: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known of one container: nothing to claim, or what it was promised. */
type Answer = { readonly gpus: GpuClaim["gpus"]; readonly startedAt?: UnixMs } | undefined;

/**
 * Which running containers, none of them this rig's, were promised GPUs. A container is described once in its life; one
 * that cannot be is left out alone, named in the log, and asked again later.
 */
export class GpuClaims {
  readonly #parts: GpuClaimParts;
  #known = new Map<string, Answer>();
  /** When to ask those again that could not be described, by the monotonic clock. */
  #failed = new Map<string, Millis>();

  constructor(parts: GpuClaimParts) {
    this.#parts = parts;
  }

  async read(signal: AbortSignal): Promise<readonly GpuClaim[]> {
    const answer = await this.#parts.engine.read("list the containers", signal, (docker, abortSignal) =>
      docker.listContainers({ abortSignal }),
    );
    const running = parsed(listSchema, answer).filter(
      ({ Names, Labels, Image }) => !this.#isOurs(Names ?? [], Labels ?? {}) && !isMonitor(Image),
    );
    const ids = new Set(running.map(({ Id }) => Id));
    this.#known = new Map([...this.#known].filter(([container]) => ids.has(container)));
    this.#failed = new Map([...this.#failed].filter(([container]) => ids.has(container)));
    await Promise.all(running.map((one) => this.#learn(one.Id, nameOf(one), signal)));
    return running.flatMap((one) => {
      const claim = this.#known.get(one.Id);
      return claim === undefined ? [] : [{ container: one.Id, name: nameOf(one), ...claim }];
    });
  }

  #isOurs(names: readonly string[], labels: Readonly<Record<string, string>>): boolean {
    const { rig } = this.#parts;
    const ours = readLabels(rig, labels);
    return ours !== undefined && names.includes(`/${containerName(rig, ours.name)}`);
  }

  async #learn(container: string, name: string, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    if (this.#known.has(container) || (this.#failed.get(container) ?? 0) > clock.monotonic()) return;
    try {
      this.#known.set(container, await this.#ask(container, signal));
      this.#failed.delete(container);
    } catch (error) {
      if (signal.aborted || !isRigError(error)) throw error;
      const facts = { container: name, reason: messageOf(error) };
      if (!this.#failed.has(container)) logger.warn("a container cannot be asked for its GPUs", facts);
      this.#failed.set(container, millis(clock.monotonic() + ASK_AGAIN_AFTER));
    }
  }

  async #ask(container: string, signal: AbortSignal): Promise<Answer> {
    try {
      const answer = await this.#parts.engine.read("describe a container", signal, (docker, abortSignal) =>
        docker.getContainer(container).inspect({ abortSignal }),
      );
      const found = parsed(inspectSchema, answer);
      const gpus = claimOf(found);
      const startedAt = Date.parse(found.State?.StartedAt ?? "");
      return gpus && { gpus, ...(Number.isFinite(startedAt) ? { startedAt: unixMs(startedAt) } : {}) };
    } catch (error) {
      // It ended between the list and the question.
      if (wasRefusedWith(error, 404)) return undefined;
      throw error;
    }
  }
}

const nameOf = ({ Id, Names }: z.infer<typeof listSchema>[number]): string =>
  printable(Names?.[0]?.replace(/^\//, "") ?? Id.slice(0, 12), LONGEST_NAME);

/** Programs that watch all GPUs and use none; whatever bears such a name and uses one after all shows as a process. */
const MONITORS: ReadonlySet<string> = new Set([
  "cadvisor",
  "dcgm",
  "dcgm-exporter",
  "gpu-feature-discovery",
  "k8s-device-plugin",
  "netdata",
  "nvidia-gpu-exporter",
  "nvidia_gpu_exporter",
  "nvitop-exporter",
  "telegraf",
]);

/** By the last part of the image's name, without tag and digest. */
export const isMonitor = (image: string | undefined): boolean =>
  MONITORS.has(image?.split("@")[0]?.split("/").at(-1)?.split(":")[0]?.toLowerCase() ?? "");
