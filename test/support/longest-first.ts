import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, longest first: begun last, they would keep one process busy while the others idle. */
export const LONGEST: readonly string[] = [
  "rig/trouble",
  "rig/outage",
  "mining/cuda-miner-hostile",
  "docker/images",
  "docker/miner-cuda",
  "agent/first-light",
  "hiveos/package",
  "mining/miner",
  "docker/compose",
  "mining/cuda-miner",
  "agent/miner-program",
  "workloads/docker/agent",
  "web/page",
  "workloads/docker/lifecycle",
  "docker/private-engine",
  "mining/node-pool",
  "agent/killed",
  "workloads/docker/hardening",
  "gpu/nvidia-smi/query",
  "gpu/nvml/values",
  "workloads/docker/outage",
  "rig/nvml-rig",
  "rig/restart",
  "rig/rungs",
  "agent/bad-input",
  "engine/starting",
  "gpu/nvidia-smi/mutations",
  "agent/profit",
  "workloads/docker/adoption",
  "gpu/nvml/events",
  "engine/serving",
  "docker/miner-release",
  "mining/failover",
].map((name) => `test/integration/${name}.test.ts`);

/** Vitest's own order, which on a fresh clone knows sizes only, behind the files that are known to take long. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = (file: TestSpecification) => {
      const found = LONGEST.indexOf(relative(this.ctx.config.root, file.moduleId));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}
