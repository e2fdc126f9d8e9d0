import { mendByHand } from "../gpu/power-tool.ts";
import type { GpuControl, GpuSettings, SettingsWish } from "../gpu/source.ts";
import type { FoundRow } from "../ledger/found-settings.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { type Watts, watts } from "../units/energy.ts";
import { type Millis, millis } from "../units/time.ts";
import { CardControl, type Miss, SETTINGS, type Setting, sayMisses } from "./card-control.ts";
import type { LimitClaim } from "./own-claim.ts";

/** How one GPU is set while it does one kind of work; absent settings stay as they are. */
export interface Profile {
  readonly role: "hashing" | "serving";
  /** For hashing by this flight sheet only, before one for all of them. */
  readonly sheet?: string | undefined;
  readonly powerLimit?: Watts | undefined;
  readonly graphicsMhz?: number | undefined;
  readonly memoryMhz?: number | undefined;
  /** Whether the power limit may be set above the one that was found. */
  readonly mayRaise: boolean;
}

/** Power limits that a GPU may be given, and the one it works with when nobody measures. */
export interface LimitRange {
  readonly standing: Watts;
  readonly lowest: Watts;
  /** As found, or as a profile may raise it. */
  readonly highest: Watts;
}

/** `isFinal`: no other limit would be taken either. */
export interface Refusal {
  readonly reason: string;
  readonly isFinal: boolean;
}

export interface TunerParts {
  readonly gpu: GpuUuid;
  readonly clock: Pick<Clock, "monotonic">;
  /** Absent where nothing can be set. */
  readonly control: GpuControl | undefined;
  /** What sets back where nothing may be set any more; `control` when absent. */
  readonly undo?: GpuControl | undefined;
  readonly profiles: readonly Profile[];
  /** Absent where nobody shares power with this GPU. */
  readonly claim?: LimitClaim;
  readonly ledger: Pick<Ledger, "foundSettings">;
  readonly logger: Logger;
}

/**
 * Sets one GPU's power limit and clocks for its work, and back to what was found. What was found is on disk before
 * anything is changed, so that also the next agent can restore it. Owned by the GPU's loop.
 */
export class Tuner {
  readonly #parts: TunerParts;
  readonly #card: CardControl | undefined;
  /** What may set back only. */
  readonly #undo: CardControl | undefined;
  /** True also when an earlier agent was killed while its profile was in force. */
  #isApplied: boolean;
  /** Its profiles may have been others: what it locked is not known. */
  #isInherited: boolean;
  /** `isAlone`: no profile is in force beside it, so that setting the limit back sets everything back. */
  #held: { readonly limit: Watts; readonly role: Profile["role"]; readonly isAlone: boolean } | undefined;
  /** By which the GPU hashes, or will. */
  #sheet: string | undefined;
  #wanted: Profile["role"] | "stock" = "stock";
  #misses: readonly Miss[] = [];
  #isSaid = false;
  /** What is as it was found already, of a try that did not set all of it back. */
  readonly #setBack = new Set<Setting>();

  constructor(parts: TunerParts) {
    const { gpu, control, undo, ledger } = parts;
    this.#parts = parts;
    this.#card = control && new CardControl({ ...parts, control });
    this.#undo = this.#card ?? (undo && new CardControl({ ...parts, control: undo }));
    this.#isApplied = ledger.foundSettings.of(gpu) !== undefined;
    this.#isInherited = this.#isApplied;
  }

  /** Before the GPU hashes by another flight sheet: from now on its profile counts. */
  turnTo(sheet: string | undefined): void {
    this.#sheet = sheet;
  }

  /** Those that count, a flight sheet's own before those for all. */
  #profiles(sheet = this.#sheet): readonly Profile[] {
    const { profiles } = this.#parts;
    const common = profiles.filter((one) => one.sheet === undefined);
    return sheet === undefined ? common : [...profiles.filter((one) => one.sheet === sheet), ...common];
  }

  /** Whether something of ours is in force. */
  get isApplied(): boolean {
    return this.#isApplied;
  }

  /** The limit that is in force by our doing; undefined where it was not changed, or where nobody knows what came of it. */
  get inForce(): Watts | undefined {
    return this.#undo?.limit;
  }

  /** The limit that is set back in the end; undefined where nothing is changed, or it was not told. */
  get found(): Watts | undefined {
    const { gpu, ledger } = this.#parts;
    return ledger.foundSettings.of(gpu)?.powerLimit;
  }

  /** When the limit was changed last, on the monotonic clock. */
  get changedAt(): Millis {
    return this.#undo?.changedAt ?? millis(Number.NEGATIVE_INFINITY);
  }

  /** The most that the limit comes to: as it is, as this role sets it, or for nobody's role as it was found; undefined where none is known. */
  mayComeTo(role: Profile["role"] | undefined): Watts | undefined {
    const { gpu, ledger } = this.#parts;
    const profiles = this.#profiles();
    const found = ledger.foundSettings.of(gpu)?.powerLimit;
    const profile = this.#card === undefined ? undefined : profiles.find((one) => one.role === role);
    const raised = profile?.mayRaise ? profile.powerLimit : undefined;
    const target = found === undefined || role === undefined ? (raised ?? found) : standingOf(profiles, role, found);
    const known = [target, this.inForce ?? found].filter((limit) => limit !== undefined);
    return known.length === 0 ? undefined : watts(Math.max(...known));
  }

  /** What is not set as it should be, for people; undefined where all is. */
  get shortfall(): string | undefined {
    if (this.#misses.length === 0) return undefined;
    const what =
      this.#wanted === "stock" ? "what was found is not set back" : `the profile for ${this.#wanted} is not in force`;
    return `${what}: ${sayMisses(this.#misses)}`;
  }

  /** Whether something is not set that another try may set. */
  get isLacking(): boolean {
    return this.#held === undefined && this.#misses.some(({ isFinal }) => !isFinal);
  }

  /** Tries again what is not in force. */
  async retry(signal: AbortSignal): Promise<void> {
    if (this.#held !== undefined) return;
    const before = this.shortfall;
    await (this.#wanted === "stock" ? this.restore(signal) : this.apply(this.#wanted, signal));
    if (before !== undefined && this.shortfall === undefined)
      this.#parts.logger.info("the GPU is set as it should be again", { gpu: this.#parts.gpu });
  }

  /** A reading told the limit; one that is above ours was set by somebody else. */
  notice(limit: Watts): void {
    const ours = this.inForce;
    if (ours === undefined || limit <= ours + 1 || this.#undo === undefined) return;
    const reason = `somebody else set the power limit from ${ours} W to ${limit} W`;
    this.#parts.logger.warn("the GPU's power limit is not as it was set", { gpu: this.#parts.gpu, reason });
    this.#undo.saw(limit);
    this.#setBack.delete("powerLimit");
    if (this.#held === undefined) this.#misses = [{ what: "power limit", reason, isUnchanged: false, isFinal: false }];
  }

  /** What a benchmark holds in place of a profile's limit. */
  get held(): Watts | undefined {
    return this.#held?.limit;
  }

  /** How far a benchmark may go, and where the limit stands at work, hashing by `sheet`; undefined where the GPU tells no limit. */
  async limits(role: Profile["role"], signal: AbortSignal, sheet?: string): Promise<LimitRange | undefined> {
    const { gpu, ledger } = this.#parts;
    if (this.#card === undefined) return undefined;
    const settings = await this.#card.read(signal);
    const {
      powerLimit: now,
      lowestPowerLimit: lowest = watts(0),
      highestPowerLimit = watts(Number.POSITIVE_INFINITY),
    } = settings;
    const found = ledger.foundSettings.of(gpu)?.powerLimit ?? now;
    if (found === undefined) return undefined;
    const standing = standingOf(this.#profiles(sheet), role, found);
    return { standing, lowest, highest: watts(Math.min(highestPowerLimit, Math.max(found, standing))) };
  }

  /** Sets `limit` until `letGo`, or until the work ends; returns why it cannot be set. What was found is on disk before. */
  async hold(limit: Watts, role: Profile["role"], signal: AbortSignal): Promise<Refusal | undefined> {
    const { gpu, ledger } = this.#parts;
    if (this.#card === undefined) return { reason: "it cannot be set from here", isFinal: true };
    const known = ledger.foundSettings.of(gpu);
    const found = known ?? (await this.#readFound(this.#card, signal));
    if (found?.powerLimit === undefined)
      return { reason: "it cannot be read, so it could not be set back", isFinal: found !== undefined };
    const before = this.#held;
    this.#remember(found);
    this.#held = { limit, role, isAlone: before?.isAlone ?? known === undefined };
    const miss = await this.#card.setLimit(limit, signal);
    if (miss === undefined) return undefined;
    // What changed nothing leaves the one of before; after anything else the limit in force is not known.
    if (before !== undefined && miss.isUnchanged) this.#held = before;
    else if (miss.isUnchanged) this.#release();
    else await this.letGo(signal);
    return { reason: miss.reason, isFinal: miss.isFinal && !miss.isRange };
  }

  /** Back to the profile's limit, or to what was found; false where that failed, which is tried again. */
  async letGo(signal: AbortSignal): Promise<boolean> {
    const { gpu, ledger } = this.#parts;
    const found = ledger.foundSettings.of(gpu)?.powerLimit;
    if (this.#card !== undefined && this.#held !== undefined && found !== undefined) {
      const limit = standingOf(this.#profiles(), this.#held.role, found);
      if ((await this.#card.setLimit(limit, signal)) !== undefined) return false;
    }
    this.#release();
    return true;
  }

  /** Nothing of a benchmark's is in force any more. */
  #release(): void {
    if (this.#held?.isAlone) this.#forget();
    this.#held = undefined;
  }

  #forget(): void {
    const { gpu, ledger } = this.#parts;
    ledger.foundSettings.forget(gpu);
    this.#isApplied = false;
    this.#isInherited = false;
    this.#setBack.clear();
    this.#undo?.forget();
  }

  /** Before load starts, where others live on what a lower limit frees: the profile's limit, if it is below the one found. */
  async limitAhead(role: Profile["role"], signal: AbortSignal): Promise<void> {
    const { claim, gpu, ledger } = this.#parts;
    const limit = this.#profiles().find((one) => one.role === role)?.powerLimit;
    if (this.#card === undefined || limit === undefined || claim?.isLimited !== true) return;
    const found = ledger.foundSettings.of(gpu) ?? (await this.#readFound(this.#card, signal));
    if (found?.powerLimit === undefined || limit >= found.powerLimit) return;
    this.#remember(found);
    // What cannot be set ahead is tried again once the work runs, and its power is claimed in full until then.
    await this.#card.setLimit(limit, signal);
  }

  /** Only for a GPU whose load has started or is about to; a setting that is refused is logged, and work goes on. */
  async apply(role: Profile["role"], signal: AbortSignal): Promise<void> {
    const { gpu, ledger } = this.#parts;
    this.#held = undefined;
    const profile = this.#profiles().find((one) => one.role === role);
    if (profile === undefined) return await this.#takeBackLimit(signal);
    this.#wanted = role;
    if (this.#card === undefined) {
      this.#misses = [NO_WAY];
      return;
    }
    const found = ledger.foundSettings.of(gpu) ?? (await this.#readFound(this.#card, signal));
    if (found === undefined) {
      this.#misses = [UNFOUND];
      return;
    }
    this.#remember(found);
    const { graphicsMhz, memoryMhz } = profile;
    const wanted = profile.powerLimit ?? (this.#isInherited ? found.powerLimit : undefined);
    const limit = wanted !== undefined && found.powerLimit !== undefined ? found.powerLimit : undefined;
    const misses: (Miss | undefined)[] = [];
    // A limit that was not read cannot be restored, so it is not changed.
    if (wanted !== undefined)
      misses.push(limit === undefined ? UNREAD : await this.#card.setLimit(bounded(wanted, profile, limit), signal));
    misses.push(await this.#card.lock("graphics", graphicsMhz, signal));
    misses.push(await this.#card.lock("memory", memoryMhz, signal));
    this.#misses = misses.filter((miss) => miss !== undefined);
  }

  /** What an agent that was killed had tried of work that runs on; clocks that are not as found stay so until it stops. */
  async #takeBackLimit(signal: AbortSignal): Promise<void> {
    const { found } = this;
    if (this.#isInherited && found !== undefined) await this.#card?.setLimit(found, signal);
  }

  /** Only for a GPU whose load has stopped. What cannot be restored now is tried again the next time. */
  async restore(signal: AbortSignal): Promise<void> {
    const { gpu, ledger } = this.#parts;
    const found = ledger.foundSettings.of(gpu);
    this.#wanted = "stock";
    this.#misses = [];
    if (found === undefined) return;
    const card = this.#undo;
    if (card === undefined) {
      this.#sayOnce(found);
      this.#misses = [NO_WAY];
      return;
    }
    const wish = this.#wishOf(found);
    const misses = await card.setAll(wish, signal);
    for (const one of SETTINGS) if (wish[one] !== undefined && !misses.has(one)) this.#setBack.add(one);
    const told = [...misses].filter(([one, miss]) => !(miss.isUnsupported && !this.#mayLock(one)));
    this.#misses = [...new Set(told.map(([, miss]) => miss))];
    if (this.#misses.length > 0) return;
    this.#held = undefined;
    this.#forget();
  }

  #sayOnce(found: FoundRow): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    const { gpu, logger } = this.#parts;
    const facts = { gpu, mend: mendByHand(gpu, found) };
    logger.warn("an earlier agent changed this GPU's limit or clocks, and they cannot be set back from here", facts);
  }

  /** What is not as it was found, as far as is known; what somebody else had locked is locked again. */
  #wishOf({ powerLimit, graphicsLockMhz = 0, memoryLockMhz = 0 }: FoundRow): SettingsWish {
    const isOpen = (one: Setting) => !this.#setBack.has(one) && (this.#mayLock(one) || this.#isInherited);
    return {
      ...(powerLimit === undefined || this.#setBack.has("powerLimit") ? {} : { powerLimit }),
      ...(isOpen("graphicsMhz") ? { graphicsMhz: graphicsLockMhz } : {}),
      ...(isOpen("memoryMhz") ? { memoryMhz: memoryLockMhz } : {}),
    };
  }

  /** Whether a profile sets it. */
  #mayLock(setting: Setting): boolean {
    return this.#parts.profiles.some((one) => one[setting] !== undefined);
  }

  /** When the agent ends: says what stays changed, and what sets it back. */
  sayLeft(): void {
    const { gpu, logger, ledger } = this.#parts;
    const found = ledger.foundSettings.of(gpu);
    if (found === undefined) return;
    const facts = { gpu, mend: `start the agent, which sets them back; or ${mendByHand(gpu, found)}` };
    logger.warn("there was no time to set this GPU's limit and clocks back", facts);
  }

  /** On disk before anything is changed. */
  #remember(found: FoundRow): void {
    const { gpu, ledger } = this.#parts;
    this.#setBack.clear();
    ledger.foundSettings.remember(gpu, found);
    this.#isApplied = true;
  }

  /** Undefined where the read failed: what is not known could not be set back. */
  async #readFound(card: CardControl, signal: AbortSignal): Promise<FoundRow | undefined> {
    const { gpu, logger } = this.#parts;
    try {
      const settings = await card.read(signal);
      if (!isWhole(settings)) throw new Error("the driver does not tell them");
      const { powerLimit, graphicsLockMhz, memoryLockMhz } = settings;
      return { powerLimit, graphicsLockMhz, memoryLockMhz };
    } catch (error) {
      logger.warn("the GPU's limit and clocks cannot be read", { gpu, reason: messageOf(error) });
      return undefined;
    }
  }
}

const NO_WAY: Miss = {
  what: "limit and clocks",
  reason: "nothing can be set on this GPU from here",
  isUnchanged: true,
  isFinal: true,
};
/** Of a GPU that does not answer nothing is told; where a limit has bounds there is a limit. */
const isWhole = ({ powerLimit, lowestPowerLimit, highestPowerLimit, ...rest }: GpuSettings): boolean =>
  powerLimit !== undefined ||
  (lowestPowerLimit === undefined && highestPowerLimit === undefined && Object.keys(rest).length > 0);

const UNFOUND: Miss = {
  what: "limit and clocks",
  reason: "they cannot be read, so they could not be set back and are not changed",
  isUnchanged: true,
  isFinal: false,
};
const UNREAD: Miss = {
  what: "power limit",
  reason: "this GPU tells none, so it could not be set back and is not changed",
  isUnchanged: true,
  isFinal: true,
};

/** What the profile for this work sets, or what was found. */
function standingOf(profiles: readonly Profile[], role: Profile["role"], found: Watts): Watts {
  const profile = profiles.find((one) => one.role === role);
  return profile?.powerLimit === undefined ? found : bounded(profile.powerLimit, profile, found);
}

const bounded = (wanted: Watts, { mayRaise }: Profile, found: Watts): Watts =>
  mayRaise ? wanted : watts(Math.min(wanted, found));
