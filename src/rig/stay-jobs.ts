import { randomUUID } from "node:crypto";
import { minedBy } from "../config/sheet-schema.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, JobOutcome, MinedCoin } from "../ledger/rows.ts";
import type { Work } from "../ledger/work.ts";
import type { Clock } from "../lib/clock.ts";
import type { FlightSheet, FlightSheets } from "./flight-sheets.ts";
import type { GpuTenancies } from "./tenancies.ts";
import type { Tenancy } from "./tenancy.ts";

export interface StayJobsParts {
  readonly gpu: GpuUuid;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly mining?: FlightSheets;
  readonly tenancies: GpuTenancies;
}

/** The jobs of work whose whole stay on the GPU is one: hashing, and what a guest does. Only the GPU's custody calls it. */
export class StayJobs {
  readonly #parts: StayJobsParts;
  /** The external workload whose job this is, with the GPUs that it shares it with. */
  #tenancy: Tenancy | undefined;

  constructor(parts: StayJobsParts) {
    this.#parts = parts;
  }

  /** Undefined for work that has other jobs, or none. */
  begin(work: Work): string | undefined {
    const { ledger, gpu, mining, clock, tenancies } = this.#parts;
    const { workload: kind, name } = work;
    if (kind !== "hashing" && kind !== "external") return undefined;
    this.#tenancy = kind === "external" ? tenancies.find(name) : undefined;
    if (this.#tenancy !== undefined) return this.#tenancy.beginJob(gpu);
    const sheet = mining?.of(work);
    const id = `${kind === "hashing" ? "hash" : "guest"}-${randomUUID()}`;
    // Pools credit coins: what they say of one is held against its jobs.
    const workload = (sheet && nameOf(sheet)) ?? name ?? (kind === "hashing" ? "unknown" : "guest");
    const by = sheet === undefined ? {} : { sheet: sheet.name, coins: coinsOf(sheet) };
    ledger.jobs.startJob({ id, kind, gpu, workload, ...by, started: clock.now() });
    sheet?.watch.begin(id);
    return id;
  }

  end(jobId: string, outcome: JobOutcome, reason?: string): void {
    const { ledger, clock, mining, gpu } = this.#parts;
    mining?.endWatch();
    const end = { outcome, ...(reason === undefined ? {} : { reason }) };
    if (this.#tenancy !== undefined) this.#tenancy.endJob(gpu, jobId, end);
    else ledger.jobs.endJob(jobId, { ended: clock.now(), ...end });
    this.#tenancy = undefined;
  }
}

const coinsOf = (sheet: FlightSheet): readonly MinedCoin[] =>
  minedBy<Pick<FlightSheet, "coin">>([sheet]).map(({ coin: { coin, algorithm } }) => ({ coin, algorithm }));

/** Such as `acoin+bcoin` where two are hashed at once. */
const nameOf = (sheet: FlightSheet): string =>
  coinsOf(sheet)
    .map(({ coin }) => coin)
    .join("+");
