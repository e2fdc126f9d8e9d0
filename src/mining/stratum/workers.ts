import type { GpuUuid } from "../../ledger/rows.ts";
import { credentialsOf } from "./credentials.ts";
import type { PoolTarget } from "./pool-url.ts";

/**
 * The rig's own workers, by their names and by what their pools know them as: a miner that has one login for the proxy
 * and the pools behind it logs in here with that of the pools.
 */
export class Workers {
  readonly #pools: readonly PoolTarget[];
  readonly #gpus = new Map<string, GpuUuid>();
  /** Whoever logs in at a pool under that name. */
  readonly #byLogin = new Map<string, Set<string>>();

  constructor(pools: readonly PoolTarget[]) {
    this.#pools = pools;
  }

  get first(): string | undefined {
    return this.#gpus.keys().next().value;
  }

  register(worker: string, gpu: GpuUuid): void {
    this.#gpus.set(worker, gpu);
    for (const pool of this.#pools) {
      const { user } = credentialsOf(pool, worker);
      const known = this.#byLogin.get(user) ?? new Set();
      this.#byLogin.set(user, known.add(worker));
    }
  }

  gpuOf(worker: string): GpuUuid | undefined {
    return this.#gpus.get(worker);
  }

  /** Whose login that is; undefined for a stranger's, and for one that several GPUs share. */
  ownerOf(login: string): string | undefined {
    if (this.#gpus.has(login)) return login;
    const [only, ...others] = this.#byLogin.get(login) ?? [];
    return others.length === 0 ? only : undefined;
  }
}
