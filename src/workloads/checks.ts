import type { Check, CheckResult } from "../lib/check.ts";
import type { Clock } from "../lib/clock.ts";
import { engineAddress } from "./docker/address.ts";
import { Engine } from "./docker/engine.ts";
import { EngineFacts } from "./docker/engine-facts.ts";
import { isPinned } from "./docker/image-policy.ts";
import { isPresent } from "./docker/images.ts";
import type { EngineLook, GpuInjection } from "./driver.ts";

export interface WorkloadCheckParts {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Instead of `DOCKER_HOST`. */
  readonly host?: string;
  /** Those that may run; without any, nothing runs in containers and the Engine is not spoken to. */
  readonly images: readonly string[];
  readonly pull: boolean;
  /** Of this process; undefined where there are none. */
  readonly uid: number | undefined;
}

type Reachable = EngineLook & { readonly kind: "reachable" };

/** Whether the Docker Engine answers, gives GPUs to containers and keeps what runs, and the images are there. */
export function workloadChecks(parts: WorkloadCheckParts): readonly Check[] {
  const { clock, env, host, images } = parts;
  if (images.length === 0) return [];
  const engine = new Engine(() => engineAddress(env, host), clock);
  const facts = new EngineFacts(engine);
  const judged = (judge: (found: Reachable) => CheckResult) => async (signal: AbortSignal) => {
    const found = await facts.look(signal);
    return found.kind === "reachable" ? judge(found) : toFailure(found);
  };
  return [
    { name: "docker engine", run: judged(judgeEngine) },
    { name: "containers' sockets", run: () => judgeSockets(parts) },
    { name: "gpu in containers", run: judged(judgeInjection) },
    { name: "engine restart", run: judged(judgeRestart) },
    { name: "images", run: (signal) => judgeImages(parts, engine, signal) },
  ];
}

const toFailure = ({ reason, mend }: EngineLook & { readonly kind: "unreachable" }): CheckResult => ({
  level: "fail",
  found: reason,
  ...(mend === undefined ? {} : { mend }),
});

function judgeEngine({ engineVersion, apiVersion, cgroupVersion, seccomp }: Reachable): CheckResult {
  const found = `Docker Engine ${engineVersion}, API ${apiVersion}, cgroup v${cgroupVersion ?? "?"}`;
  if (seccomp) return { level: "ok", found };
  return {
    level: "warn",
    found: `${found}, without seccomp`,
    mend: "run a kernel and Docker Engine with seccomp, which filters what containers may ask of the kernel",
  };
}

/** Work for others is reached through sockets in the Engine's own folders. */
function judgeSockets({ env, host, uid }: WorkloadCheckParts): CheckResult {
  const { socketPath } = engineAddress(env, host);
  if (socketPath === undefined)
    return {
      level: "fail",
      found: "the Docker Engine is on another machine, and so are its containers' sockets",
      mend: "run the agent on the machine of the Docker Engine, and set its address to unix://…",
    };
  if (uid === 0) return { level: "ok", found: "this user may use them" };
  return { level: "fail", found: "only root may use them", mend: "run the agent as root" };
}

const SAY: Readonly<Record<GpuInjection, string>> = {
  cdi: "by CDI",
  "nvidia-runtime": "by the nvidia runtime",
  "device-request": "by NVIDIA's hook, if it is installed",
};

function judgeInjection({ injection, knowsNvidia, engineVersion }: Reachable): CheckResult {
  const found = `${SAY[injection]} (Docker Engine ${engineVersion})`;
  if (injection === "cdi") return { level: "ok", found };
  const mend = "use Docker Engine 25 or later and run: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml";
  const risk = knowsNvidia ? "; a systemctl daemon-reload can take GPUs away from running containers" : "";
  return { level: "warn", found: `${found}${risk}`, mend };
}

const judgeRestart = ({ liveRestore }: Reachable): CheckResult =>
  liveRestore
    ? { level: "ok", found: "containers go on while the Docker Engine restarts" }
    : {
        level: "warn",
        found: "containers end when the Docker Engine restarts",
        mend: 'set "live-restore": true in /etc/docker/daemon.json',
      };

async function judgeImages(
  { images, pull }: WorkloadCheckParts,
  engine: Engine,
  signal: AbortSignal,
): Promise<CheckResult> {
  const present = await Promise.all(images.map((image) => isPresent(engine, image, signal)));
  const missing = images.filter((_, index) => present[index] === false);
  if (missing.length === 0) return { level: "ok", found: `all ${images.length} are here` };
  const found = `${missing.length} of ${images.length} missing: ${missing.join(", ").slice(0, 200)}`;
  if (pull && missing.every(isPinned)) return { level: "warn", found, mend: "nothing: the first start fetches them" };
  return { level: "fail", found, mend: "build, load or pull them, or take them off workloads.docker.images" };
}
