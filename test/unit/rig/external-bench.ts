import type { GpuUuid } from "../../../src/ledger/rows.ts";
import type { Tenancy, TenancyParts } from "../../../src/rig/tenancy.ts";
import type { TenancyTerms } from "../../../src/rig/tenancy-terms.ts";
import { usdPerHour } from "../../../src/units/money.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { type FakeProgram, TenancyBench } from "../../support/tenancy-bench.ts";
import { RigBench } from "./bench.ts";

export interface ExternalBenchOptions {
  readonly terms?: Partial<TenancyTerms>;
  readonly left?: TenancyParts["left"];
  /** Why there is no power for it. */
  readonly lack?: string;
  /** USD per hour that it says from the beginning. */
  readonly earnings?: number;
  /** Whether hashing and serving were measured before. */
  readonly isMeasured?: boolean;
  /** Whether its first question is over when the rig starts. */
  readonly isAsked?: boolean;
  /** GPUs that it takes at once with the rig's own. */
  readonly others?: readonly GpuUuid[];
  /** Of the rig. */
  readonly drainTimeoutMs?: number;
}

/** A rig of one GPU that may have one external workload, vast, beside hashing and serving. */
export class ExternalBench implements AsyncDisposable {
  readonly rig: RigBench;
  readonly tenancy: Tenancy;
  readonly program: FakeProgram;

  private constructor(rig: RigBench, made: { readonly tenancy: Tenancy; readonly program: FakeProgram }) {
    this.rig = rig;
    this.tenancy = made.tenancy;
    this.program = made.program;
  }

  static async start({
    terms,
    left,
    lack,
    earnings,
    isMeasured = true,
    isAsked = true,
    others = [],
    drainTimeoutMs = 10_000,
  }: ExternalBenchOptions = {}): Promise<ExternalBench> {
    let made: ReturnType<TenancyBench["add"]> | undefined;
    const rig = await RigBench.running({
      isMeasured,
      drainTimeoutMs,
      tenancies: (clock, ledger) => {
        const bench = new TenancyBench({ clock, ledger });
        bench.lack = lack;
        made = bench.add([GPU_A, ...others], terms, left);
        made.program.earnings = earnings === undefined ? undefined : usdPerHour(earnings);
        made.program.isAsked = isAsked;
        return [made.tenancy];
      },
    });
    if (made === undefined) throw new Error("the rig asked for no tenancies");
    return new ExternalBench(rig, made);
  }

  /** Lets time pass, in which what comes in is booked every second. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      await this.rig.pass(1000);
      this.tenancy.earn();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}
