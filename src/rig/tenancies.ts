import type { GpuUuid } from "../ledger/rows.ts";
import type { Work } from "../ledger/work.ts";
import type { Clock } from "../lib/clock.ts";
import type { Watts } from "../units/energy.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
import type { ExternalProgram } from "../workloads/external/program.ts";
import type { ExternalPower } from "./external-power.ts";
import type { ForgottenStays } from "./forgotten-stays.ts";
import type { Tenancy } from "./tenancy.ts";
import type { Tenant } from "./tenant.ts";
import type { ValuedExternal } from "./valuing.ts";

const LOOK_EVERY = seconds(1);

export interface TenanciesParts {
  readonly all: readonly { readonly tenancy: Tenancy; readonly program: Pick<ExternalProgram, "run"> }[];
  readonly clock: Clock;
  /** What an earlier agent left and nobody can be asked about. */
  readonly forgotten: ForgottenStays;
}

/** Every external workload of a rig. */
export class Tenancies {
  readonly #parts: TenanciesParts;

  constructor(parts: TenanciesParts) {
    this.#parts = parts;
  }

  /** Those that one GPU can have; `power` is what it was measured to draw with each. */
  of(gpu: GpuUuid, power: ExternalPower): GpuTenancies {
    const own = this.#parts.all.map(({ tenancy }) => tenancy).filter(({ gpus }) => gpus.includes(gpu));
    return new GpuTenancies(gpu, own, power, this.#parts.forgotten);
  }

  /** The operator has looked at this very GPU: nothing forgotten runs on it any more. */
  vouch(gpu: GpuUuid): void {
    this.#parts.forgotten.declareOver(gpu);
  }

  /** Asks their questions, finds out what an earlier agent left, and books what they earn, until `signal` fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { all } = this.#parts;
    await Promise.all([
      this.#watch(signal),
      ...all.flatMap(({ tenancy, program }) => [program.run(signal), tenancy.recall(signal)]),
    ]);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { all, clock } = this.#parts;
    while (all.length > 0 && !signal.aborted) {
      for (const { tenancy } of all) {
        tenancy.notice();
        tenancy.earn();
      }
      await clock.wait(LOOK_EVERY, signal);
    }
    for (const { tenancy } of all) tenancy.settle();
  }
}

/** What the external workloads are to one GPU. Only the GPU's loop and its custody use it. */
export class GpuTenancies {
  readonly #gpu: GpuUuid;
  readonly #all: readonly Tenancy[];
  readonly #power: ExternalPower;
  readonly #forgotten: Pick<ForgottenStays, "tenantOn"> | undefined;

  constructor(
    gpu: GpuUuid,
    all: readonly Tenancy[],
    power: ExternalPower,
    forgotten?: Pick<ForgottenStays, "tenantOn">,
  ) {
    this.#gpu = gpu;
    this.#all = all;
    this.#power = power;
    this.#forgotten = forgotten;
  }

  /** Who has the GPU; what was started here goes before whoever waits for it. */
  get tenant(): Tenant | undefined {
    const forgotten = this.#forgotten?.tenantOn(this.#gpu);
    return this.#tenantOf("started") ?? this.#tenantOf("theirs") ?? forgotten ?? this.#tenantOf("cooling");
  }

  /** Whose own customer has the GPU, or asks for it. */
  get claimant(): Tenant | undefined {
    return this.#tenantOf("theirs");
  }

  #tenantOf(kind: Tenant["kind"]): Tenant | undefined {
    return this.#all.map(({ tenant }) => tenant).find((tenant) => tenant?.kind === kind);
  }

  find(name: string | undefined): Tenancy | undefined {
    return this.#all.find((one) => one.name === name);
  }

  /** The names of those that we may start. */
  get startable(): readonly string[] {
    return this.#all.filter(({ terms }) => terms.isOurs).map(({ name }) => name);
  }

  /** What those that we may start are worth. */
  valued(): readonly ValuedExternal[] {
    return this.#all
      .filter(({ terms }) => terms.isOurs)
      .map(({ name, offer, terms, gpus }) => {
        const drawn = this.#power.of(name);
        const known = drawn === undefined ? {} : { drawn };
        return { name, ...offer, platformCut: terms.platformCut, gpus: gpus.length, ...known };
      });
  }

  /** What comes in now for what comes and goes by itself; undefined for other work, and while nobody knows. */
  rented({ workload, name }: Work): ValuedExternal | undefined {
    const tenancy = workload === "external" ? this.find(name) : undefined;
    const rate = tenancy?.terms.isOurs === false ? tenancy.income : undefined;
    if (tenancy === undefined || rate === undefined) return undefined;
    return { name: tenancy.name, rate, isSaidNow: true, occupancy: 1, platformCut: 0, gpus: tenancy.gpus.length };
  }

  /** Learns what the GPU draws while `name` has it and is in use. */
  observePower(name: string | undefined, power: Watts | undefined): void {
    const tenancy = this.find(name);
    if (tenancy?.isUsed && power !== undefined) this.#power.observe(tenancy.name, power);
  }

  /** Why external work that would pay most cannot be had now. */
  objection({ workload, name }: Work): string | undefined {
    return workload === "external" ? this.find(name)?.objection(this.#gpu) : undefined;
  }

  /** For how long nothing of ours runs after this work. */
  coolDownAfter({ workload, name }: Work): Millis {
    const tenancy = workload === "external" ? this.find(name) : undefined;
    return tenancy?.terms.coolDown ?? millis(0);
  }

  /** Whether what was started as `name` waits for a customer. */
  isListed(name: string | undefined): boolean {
    return this.find(name)?.isListed === true;
  }

  /** Whether what was started here is being ended, or has just been. */
  get isLeaving(): boolean {
    const { tenant } = this;
    return tenant?.kind === "cooling" || (tenant?.kind === "started" && this.find(tenant.name)?.isEnding === true);
  }

  /** For how long the hooks ended this work, which is over. */
  endTook({ workload, name }: Work): Millis {
    const tenancy = workload === "external" ? this.find(name) : undefined;
    return tenancy?.endTook ?? millis(0);
  }

  /** Why the set that the GPU was called to for `work` is given up; undefined while it is not. */
  whyGivenUp({ workload, name }: Work): string | undefined {
    const tenancy = workload === "external" ? this.find(name) : undefined;
    if (tenancy === undefined || !tenancy.terms.isOurs || !tenancy.isOff) return undefined;
    return tenancy.blocked?.reason ?? `${tenancy.name} takes no GPU now`;
  }

  /** The GPU would work for `name`, and for nobody else of them; true when it is called. */
  want(name: string | undefined): boolean {
    for (const one of this.#all) if (one.name !== name) one.unwant(this.#gpu);
    return this.find(name)?.want(this.#gpu) ?? false;
  }

  /** Whether the GPU waits for the others of the set, or for its turn. */
  isWaitingFor(name: string | undefined): boolean {
    return this.find(name)?.isWantedBy(this.#gpu) === true;
  }

  /** Ends what was started here, unless a customer uses it or nobody knows. */
  async endIdle(reason: string): Promise<void> {
    const { tenant } = this;
    if (tenant?.kind === "started" && tenant.keeps === undefined) await this.find(tenant.name)?.end(reason);
  }

  /** The one whose GPUs are called together now. */
  get calling(): Tenancy | undefined {
    return this.#all.find(({ isTaking }) => isTaking);
  }

  /** The GPU cannot come, whoever has called it. */
  withdraw(reason: string): void {
    for (const one of this.#all) {
      one.unwant(this.#gpu);
      one.withdraw(this.#gpu, reason);
    }
  }
}
