import type { Admittance, Demand, GpuPort, Ticket } from "../../src/inference/gpu-port.ts";
import type { GpuUuid } from "../../src/ledger/rows.ts";

interface Held {
  readonly demand: Demand;
  readonly revoked: AbortController;
}

interface Waiting {
  readonly demand: Demand;
  readonly settle: (admittance: Admittance) => void;
}

/** A GPU that grants at once, or when told, and records who had it and how often it came back. */
export class FakeGpuPort implements GpuPort {
  readonly gpu: GpuUuid = "GPU-fake";
  readonly engine: string;
  readonly demands: Demand[] = [];
  /** One entry per call of `release`, the repeated ones too. */
  readonly releases: { readonly jobId: string; readonly tokensOut: number | undefined }[] = [];
  /** While true, arrivals wait for `grantAll` or `refuseAll`. */
  holdsBack = false;
  /** Thrown by the next admission, and by every release, while set. */
  admissionFault: Error | undefined;
  releaseFault: Error | undefined;
  readonly #held = new Set<Held>();
  readonly #waiting = new Set<Waiting>();

  constructor(engine: string) {
    this.engine = engine;
  }

  get held(): number {
    return this.#held.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enqueue(demand: Demand, signal: AbortSignal): Ticket {
    this.demands.push(demand);
    return { gpu: this.gpu, admitted: this.#admit(demand, signal) };
  }

  grantAll(): void {
    for (const { demand, settle } of [...this.#waiting]) settle(this.#grant(demand));
  }

  refuseAll(refusal: Omit<Extract<Admittance, { kind: "refused" }>, "kind">): void {
    for (const { settle } of [...this.#waiting]) settle({ kind: "refused", ...refusal });
  }

  /** Takes the GPU back from everybody, as a drain does whose deadline has passed. */
  revoke(): void {
    for (const { revoked } of this.#held) revoked.abort();
  }

  #admit(demand: Demand, signal: AbortSignal): Promise<Admittance> {
    if (this.admissionFault) return Promise.reject(this.admissionFault);
    if (signal.aborted) return Promise.resolve({ kind: "aborted" });
    if (!this.holdsBack) return Promise.resolve(this.#grant(demand));
    return new Promise((resolve) => {
      const waiting: Waiting = {
        demand,
        settle: (admittance) => {
          this.#waiting.delete(waiting);
          resolve(admittance);
        },
      };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", () => waiting.settle({ kind: "aborted" }), { once: true });
    });
  }

  #grant(demand: Demand): Admittance {
    const held: Held = { demand, revoked: new AbortController() };
    this.#held.add(held);
    const release = (tokensOut?: number): Promise<void> => {
      this.releases.push({ jobId: demand.jobId, tokensOut });
      this.#held.delete(held);
      return this.releaseFault ? Promise.reject(this.releaseFault) : Promise.resolve();
    };
    return { kind: "granted", grant: { gpu: this.gpu, engine: this.engine, revoked: held.revoked.signal, release } };
  }
}
