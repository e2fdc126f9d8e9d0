import type { ClockLock, ControlOutcome, GpuControl, GpuSettings } from "../../src/gpu/source.ts";
import { watts } from "../../src/units/energy.ts";

/** One card whose limit and clocks can be set; notes in order what was set, in words. */
export class SettableCard implements GpuControl {
  limit: number;
  readonly locked = { graphics: 0, memory: 0 };
  readonly log: string[] = [];
  /** What is added to every note, such as whether the card works. */
  remark: () => string = () => "";
  /** Waited for before every answer. */
  takes: () => Promise<void> = () => Promise.resolve();
  answer: ControlOutcome = { kind: "done" };

  constructor(limit = 300) {
    this.limit = limit;
  }

  async readSettings(): Promise<GpuSettings> {
    await this.takes();
    const { graphics, memory } = this.locked;
    return { powerLimit: watts(this.limit), graphicsLockMhz: graphics, memoryLockMhz: memory };
  }

  setPowerLimit(_gpu: string, limit: number): Promise<ControlOutcome> {
    return this.#set(`limit ${limit}`, () => {
      this.limit = limit;
    });
  }

  lockClocks(_gpu: string, { domain, highestMhz }: ClockLock): Promise<ControlOutcome> {
    return this.#set(`lock ${domain} ${highestMhz}`, () => {
      this.locked[domain] = highestMhz;
    });
  }

  resetClocks(_gpu: string, domain: ClockLock["domain"]): Promise<ControlOutcome> {
    return this.#set(`reset ${domain}`, () => {
      this.locked[domain] = 0;
    });
  }

  async #set(words: string, act: () => void): Promise<ControlOutcome> {
    this.log.push(`${words}${this.remark()}`);
    await this.takes();
    if (this.answer.kind === "done") act();
    return this.answer;
  }
}
