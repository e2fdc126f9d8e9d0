import type { Clock } from "../../lib/clock.ts";
import { toOneLine } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import { NvidiaSmiError } from "./errors.ts";
import { type Inventory, parseInventory } from "./parse-xml.ts";
import type { XmlRead } from "./read-xml.ts";
import type { XmlAnswer } from "./xml-worker.ts";

export interface InventoryParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly readXml: () => XmlRead;
}

/** The newest full log, and when it was read on the monotonic clock. */
export interface InventoryLook {
  readonly inventory: Inventory;
  readonly monotonic: Millis;
}

const PATIENCE = seconds(5);
const EVERY = minutes(1);

/** What the program's exit codes mean, where they mean that there is no GPU to see. */
const NO_GPU: Readonly<Record<number, string>> = {
  6: "no devices were found",
  9: "it couldn't communicate with the NVIDIA driver",
  12: "the NVML shared library couldn't be found",
  127: "there is no such program",
};
const OFF_THE_BUS = 15;

/**
 * The slow facts. At most one `nvidia-smi -q -x` runs at a time and at most one is started a minute; one that hangs is
 * told once and waited for, because it cannot be ended and a second would hang beside it.
 */
export class InventoryReader {
  readonly #parts: InventoryParts;
  #running: XmlRead | undefined;
  #settled: Promise<void> = Promise.resolve();
  #started: Millis | undefined;
  #look: InventoryLook | undefined;
  #fault: NvidiaSmiError | undefined;
  #closed = false;
  #isHeld = false;

  constructor(parts: InventoryParts) {
    this.#parts = parts;
  }

  /** The newest log that could be read; it ages while the program fails. */
  get look(): InventoryLook | undefined {
    return this.#look;
  }

  /** Why the newest attempt brought nothing; undefined when it brought a log. */
  get fault(): NvidiaSmiError | undefined {
    return this.#fault;
  }

  /** Reads anew where the last attempt is a minute old. Resolves when nothing more is to be expected; never rejects. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const isDue = this.#started === undefined || clock.monotonic() - this.#started >= EVERY;
    if (this.#running === undefined && isDue && !this.#closed && !this.#isHeld) this.#start();
    if (this.#running === undefined || this.#fault?.facts.code === "ERR_NVIDIA_SMI_HUNG") return;
    const enough = new AbortController();
    const late = clock.wait(PATIENCE, AbortSignal.any([signal, enough.signal])).then(() => "late" as const);
    const outcome = await Promise.race([this.#settled.then(() => "settled" as const), late]);
    enough.abort();
    if (outcome === "late" && !signal.aborted && this.#running !== undefined) this.#fail(hung());
  }

  /** Starts no more until `goOn`; false when the one that runs does not end. */
  async hold(): Promise<boolean> {
    this.#isHeld = true;
    const { clock } = this.#parts;
    const enough = new AbortController();
    const late = clock.wait(PATIENCE, enough.signal).then(() => false);
    const isOver = await Promise.race([this.#settled.then(() => true), late]);
    enough.abort();
    return isOver;
  }

  /** The next refresh reads anew. */
  goOn(): void {
    this.#isHeld = false;
    this.#started = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#running?.abandon();
  }

  #start(): void {
    this.#started = this.#parts.clock.monotonic();
    const running = this.#parts.readXml();
    this.#running = running;
    this.#settled = running.answer.then((answer) => {
      this.#running = undefined;
      if (!this.#closed) this.#take(answer);
    });
  }

  #take(answer: XmlAnswer): void {
    try {
      const inventory = inventoryOf(answer);
      const { clock, logger } = this.#parts;
      if (this.#fault !== undefined) logger.info("nvidia-smi answers again", { gpus: inventory.gpus.length });
      if (inventory.unreadable > 0 && this.#look?.inventory.unreadable !== inventory.unreadable)
        logger.warn("nvidia-smi lists GPUs without an id", { gpus: inventory.unreadable });
      this.#look = { inventory, monotonic: clock.monotonic() };
      this.#fault = undefined;
    } catch (error) {
      this.#fail(error instanceof NvidiaSmiError ? error : failed(toOneLine(error), error));
    }
  }

  #fail(fault: NvidiaSmiError): void {
    // One line per kind of trouble, however often it is met.
    if (this.#fault?.message !== fault.message)
      this.#parts.logger.warn("nvidia-smi cannot be read", { code: fault.facts.code, reason: fault.message });
    this.#fault = fault;
  }
}

function inventoryOf(answer: XmlAnswer): Inventory {
  switch (answer.kind) {
    case "document":
      return parseInventory(answer.document);
    case "unreadable":
      throw new NvidiaSmiError(`nvidia-smi printed no XML: ${answer.reason}`, {
        code: "ERR_NVIDIA_SMI_OUTPUT",
        mend: "run `nvidia-smi -q -x` and look at what it prints",
        retryable: true,
      });
    case "failed":
      throw failureOf(answer);
  }
}

function failureOf({ exitCode, reason }: { readonly exitCode?: number; readonly reason: string }): NvidiaSmiError {
  const noGpu = exitCode === undefined ? undefined : NO_GPU[exitCode];
  if (exitCode !== undefined && noGpu !== undefined)
    return new NvidiaSmiError(`nvidia-smi sees no GPU: ${noGpu}`, {
      code: "ERR_NVIDIA_SMI_NO_GPU",
      exitCode,
      mend: "check with `lsmod | grep nvidia` that the driver is loaded and of the same version as nvidia-smi",
      retryable: true,
    });
  if (exitCode === OFF_THE_BUS) return failed("a GPU has fallen off the bus; restart the machine", undefined, exitCode);
  return failed(reason, undefined, exitCode);
}

const failed = (reason: string, cause: unknown, exitCode?: number): NvidiaSmiError =>
  new NvidiaSmiError(
    `nvidia-smi failed${exitCode === undefined ? "" : ` with exit code ${exitCode}`}: ${reason.slice(0, 300)}`,
    {
      code: "ERR_NVIDIA_SMI_FAILED",
      ...(exitCode === undefined ? {} : { exitCode }),
      mend: "run `nvidia-smi -q -x` and look at what it says",
      retryable: true,
    },
    cause === undefined ? {} : { cause },
  );

const hung = (): NvidiaSmiError =>
  new NvidiaSmiError(`nvidia-smi did not answer within ${millis(PATIENCE) / 1000} s and cannot be ended`, {
    code: "ERR_NVIDIA_SMI_HUNG",
    mend: "look for `NVRM: Xid` in the kernel log: a GPU is failing; a restart of the machine helps",
    retryable: true,
  });
