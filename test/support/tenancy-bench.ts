import type { Ledger } from "../../src/ledger/ledger.ts";
import type { GpuUuid } from "../../src/ledger/rows.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { SetTotals } from "../../src/rig/set-totals.ts";
import { Tenancy, type TenancyParts } from "../../src/rig/tenancy.ts";
import { TenancyBook } from "../../src/rig/tenancy-book.ts";
import type { TenancyTerms } from "../../src/rig/tenancy-terms.ts";
import { minutes } from "../../src/units/time.ts";
import { T0 } from "./ledger-rows.ts";
import { ManualClock } from "./manual-clock.ts";
import { openMemoryLedger } from "./memory-ledger.ts";

/** A program whose hooks answer when the test says so. */
export class FakeProgram implements TenancyProgram {
  busy: boolean | undefined;
  lastBusy: boolean | undefined;
  usedAt: TenancyProgram["usedAt"];
  canTellBusy = true;
  isAsked = true;
  earnings: TenancyProgram["earnings"];
  complaint: string | undefined;
  /** What the next question outside of turn finds. */
  nextBusy: boolean | undefined | "unchanged" = "unchanged";
  /** How often it was asked outside of turn. */
  questions = 0;
  /** While false, a start waits for `finishStart`. */
  startsAtOnce = true;
  startFailure: string | undefined;
  stopFailure: string | undefined;
  /** While false, a stop never ends, unless by `finishStop`. */
  stopsAtOnce = true;
  readonly calls: string[] = [];
  #finish: (() => void) | undefined;
  #finishStop: (() => void) | undefined;

  askBusy(): Promise<boolean | undefined> {
    this.questions++;
    if (this.nextBusy !== "unchanged") this.busy = this.nextBusy;
    this.lastBusy = this.busy ?? this.lastBusy;
    return Promise.resolve(this.busy);
  }

  async start(): Promise<string | undefined> {
    this.calls.push("start");
    if (!this.startsAtOnce)
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
      });
    return this.startFailure;
  }

  get isStarting(): boolean {
    return this.#finish !== undefined;
  }

  finishStart(failure?: string): void {
    this.startFailure = failure;
    this.#finish?.();
    this.#finish = undefined;
  }

  async stop(): Promise<string | undefined> {
    this.calls.push("stop");
    if (!this.stopsAtOnce)
      await new Promise<void>((resolve) => {
        this.#finishStop = resolve;
      });
    return this.stopFailure;
  }

  finishStop(): void {
    this.#finishStop?.();
  }
}

type TenancyProgram = TenancyParts["program"];

/** The external workloads of a rig on one set of seats, with time that the test moves. */
export class TenancyBench implements Disposable {
  readonly clock: ManualClock;
  readonly #steady: Clock;
  #ledger: Ledger | undefined;
  readonly seats: TenancyParts["seats"] = new Map();
  readonly setTotals = new SetTotals();
  readonly faults: unknown[] = [];
  readonly log: string[] = [];
  /** Why there is no power for any of them. */
  lack: string | undefined;

  /** On a rig's own clock and ledger, or on ones of its own. */
  constructor(of?: { readonly clock?: ManualClock; readonly ledger: Ledger }) {
    this.clock = of?.clock ?? new ManualClock(T0);
    // On a rig it is the GPU's loop whose waits move time.
    this.#steady = of?.clock === undefined ? this.clock : this.clock.aside();
    this.#ledger = of?.ledger;
  }

  /** Opened by the first who writes into it. */
  get ledger(): Ledger {
    this.#ledger ??= openMemoryLedger(this.clock);
    return this.#ledger;
  }

  add(
    gpus: readonly GpuUuid[],
    terms: Partial<TenancyTerms> = {},
    left?: TenancyParts["left"],
    outlastHook?: TenancyParts["outlastHook"],
  ): { tenancy: Tenancy; program: FakeProgram } {
    const program = new FakeProgram();
    const { seats } = this;
    const clock = this.#steady;
    const opened = () => this.ledger;
    const ledger = {
      get jobs() {
        return opened().jobs;
      },
      get externalStays() {
        return opened().externalStays;
      },
    };
    const name = terms.name ?? "vast";
    const tenancy = new Tenancy({
      terms: {
        isOurs: true,
        occupancy: 1,
        platformCut: 0,
        coolDown: minutes(1),
        acquireTimeout: minutes(2),
        ...terms,
        name,
      },
      gpus,
      program,
      book: new TenancyBook({
        name,
        gpus,
        ledger,
        clock,
        setTotals: this.setTotals,
        onFault: (error) => this.faults.push(error),
      }),
      seats,
      lack: () => this.lack,
      steady: clock,
      logger: createLogger("debug", (line) => this.log.push(line)),
      ...(left === undefined ? {} : { left }),
      ...(outlastHook === undefined ? {} : { outlastHook }),
      onChange: () => {},
    });
    return { tenancy, program };
  }

  [Symbol.dispose](): void {
    this.#ledger?.close();
  }
}
