import { RESTING, type Work } from "../ledger/work.ts";
import { after, elapsed, seconds, type UnixMs, unixMs } from "../units/time.ts";
import type { Isolation } from "./health-watch.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { Tenant } from "./tenant.ts";

const PROVE_EVERY = seconds(30);

/** Whoever uses the GPU without being asked for. */
const GUEST: Work = { workload: "external" };

/** Takes our work off a GPU that cannot be trusted, or that somebody else uses. Owned by the GPU's loop. */
export class Aside {
  readonly #parts: LoopParts;
  #proveAt: UnixMs = unixMs(0);

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** Why the GPU is not ours to decide on, once our work is off it; undefined while it is. */
  async stand(signal: AbortSignal): Promise<string | undefined> {
    const why = (await this.#isolate(signal)) ?? (await this.#yield(signal));
    if (why === undefined) return undefined;
    this.#parts.tenancies.withdraw(why);
    this.#parts.onChange();
    return why;
  }

  async #isolate(signal: AbortSignal): Promise<string | undefined> {
    const { ground, custody, queue, tenancies } = this.#parts;
    const { isolation } = ground.health;
    if (isolation === undefined) {
      if (custody.isIsolated) custody.rejoin();
      return undefined;
    }
    if (!custody.isIsolated) await custody.isolate(isolation.reason, signal);
    // Whoever uses it all the same is not ours to stop, and goes on being metered.
    await this.#yield(signal);
    void tenancies.endIdle(isolation.reason);
    queue.refuseAll("engine-failed", "this GPU is out of service");
    await this.#proveFree(isolation, signal);
    return `out of service: ${isolation.reason}${this.#sayUntil(isolation.until)}`;
  }

  /** What held the GPU although it was stopped may hold it still. */
  async #proveFree({ isUnproven }: Isolation, signal: AbortSignal): Promise<void> {
    const { ground, custody, steady } = this.#parts;
    if (isUnproven !== true || custody.assignment.workload !== "none" || steady.now() < this.#proveAt) return;
    const problem = await ground.whyNotFree(signal);
    this.#proveAt = after(steady.now(), PROVE_EVERY);
    if (!signal.aborted) ground.health.looked(problem);
  }

  async #yield(signal: AbortSignal): Promise<string | undefined> {
    const { tenancies, ground, custody } = this.#parts;
    const { tenant } = tenancies;
    ground.host(tenant?.kind === "started");
    if (tenant?.kind === "started") return await this.#host(tenant, signal);
    if (tenant?.kind === "theirs") return await this.#makeRoom(tenant, signal);
    const { name } = custody.assignment;
    const isLet = custody.assignment.workload === "external" && name !== undefined;
    if (isLet) await custody.handOver(RESTING, tenant?.words ?? `${name} has left the GPU`, signal);
    const why = await this.#yieldToGuest(signal);
    if (why !== undefined || tenant === undefined) return why;
    this.#parts.queue.refuseAll("not-serving", "this GPU was used by somebody else until now");
    return `${tenant.words}${this.#sayUntil(tenant.until)}`;
  }

  /** What we started has the GPU, and goes on being decided about; whose customer asks for the GPU goes before it. */
  async #host(tenant: Tenant & { readonly kind: "started" }, signal: AbortSignal): Promise<undefined> {
    const { tenancies, custody, cooldown, steady } = this.#parts;
    const { name } = tenant;
    const isBarred = cooldown.blocking({ ...GUEST, name }, steady.now()) !== undefined;
    if (custody.assignment.name !== name && !isBarred) await custody.yieldTo(`${name} was found running`, signal, name);
    const { claimant } = tenancies;
    if (claimant !== undefined) void tenancies.endIdle(claimant.words);
  }

  async #makeRoom(tenant: Tenant & { readonly kind: "theirs" }, signal: AbortSignal): Promise<string> {
    const { name, words, until, isUnasked } = tenant;
    const { custody, queue, cooldown, steady } = this.#parts;
    queue.refuseAll("not-serving", "this GPU is used by somebody else");
    const { assignment } = custody;
    const isTheirs = assignment.workload === "external" && assignment.name === name;
    // After its end the GPU is only left alone, whoever had it until then.
    const isFree = (until !== undefined || isUnasked) && assignment.workload === "none";
    const isBarred = cooldown.blocking({ ...GUEST, name }, steady.now()) !== undefined;
    if (!isTheirs && !isFree && !isBarred) await custody.yieldTo(words, signal, name);
    return `${words}${this.#sayUntil(until)}`;
  }

  async #yieldToGuest(signal: AbortSignal): Promise<string | undefined> {
    const { ground, custody, queue, cooldown, steady } = this.#parts;
    const { guest } = ground;
    const isRented = custody.assignment.workload === "external";
    if (guest === undefined) {
      if (isRented) await custody.handOver(RESTING, "the guest left the GPU", signal);
      return undefined;
    }
    const words =
      guest.pid === undefined
        ? `the container ${guest.name}, which is not ours, was promised the GPU`
        : `${guest.name} (pid ${guest.pid}), which is not ours, uses the GPU`;
    queue.refuseAll("not-serving", "this GPU is used by somebody else");
    if (!isRented && !cooldown.blocking(GUEST, steady.now())) await custody.yieldTo(words, signal);
    return guest.until === undefined ? words : `${guest.name} has left the GPU${this.#sayUntil(guest.until)}`;
  }

  #sayUntil(until: UnixMs | undefined): string {
    if (until === undefined) return "";
    return `; trusted again in ${Math.ceil(elapsed(this.#parts.steady.now(), until) / 1000)} s if it stays so`;
  }
}
