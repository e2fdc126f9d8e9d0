import { elapsed, hours, type Millis, minutes, type UnixMs } from "../units/time.ts";
import { believeOneOfTwo, type Doubt, LEAST_PAST, type Witness } from "./two-sources.ts";

/** Further from its own daily median than this, a source is not believed on its word alone. */
const MOST_CHANGE = 5;
/** Sources this close to each other confirm one another. */
const AGREEMENT = 2;
/** Sightings in a row that a rise needs, and that a single source's collapse needs. */
const RISE_SIGHTINGS = 2;
const FALL_SIGHTINGS = 3;
/** A source that insists on a jump for this long begins a new history. */
const INSISTENCE = hours(12);
const DAY = hours(24);
const HISTORY_STEP = minutes(5);
/** A time this far ahead of ours is a source's mistake, or our clock was set back. */
const CLOCK_SLACK = minutes(5);

/** What one source said, and when that held. */
export interface Sighting {
  readonly value: number;
  readonly at: UnixMs;
}

/** What is believed now, and how many sources that were fresh stand behind it. */
export interface Belief extends Sighting {
  readonly sources: number;
}

/** What survives a restart. */
export interface GuardMemory {
  readonly belief?: Belief;
  readonly histories: Readonly<Record<string, readonly Sighting[]>>;
}

interface SourceState {
  latest?: Sighting;
  history: readonly Sighting[];
  /** Sightings in a row far below the source's own median. */
  low: number;
  /** Since when it has been far above it, alone. */
  highSince?: UnixMs | undefined;
}

/**
 * One price from several sources, any of which may lie: the median counts, of two the one that did not leave its own past
 * alone, a rise must be seen twice, and nobody far from its own daily median is believed alone. Written by `sight` only.
 */
export class GuardedPrice {
  readonly #maxAges: ReadonlyMap<string, Millis>;
  readonly #states = new Map<string, SourceState>();
  #belief: Belief | undefined;
  #rises: readonly Rise[] = [];
  /** Of one of two sources that contradict each other. */
  #doubt: Doubt | undefined;
  #leftOut: string | undefined;

  constructor(maxAges: ReadonlyMap<string, Millis>, memory?: GuardMemory) {
    this.#maxAges = maxAges;
    this.#belief = memory?.belief;
    for (const source of maxAges.keys()) this.#states.set(source, { history: memory?.histories[source] ?? [], low: 0 });
  }

  /** Takes what `source` says; false when it is older than what it said before, or comes from the future. */
  sight(source: string, { value, at }: Sighting, now: UnixMs): boolean {
    const state = this.#states.get(source);
    if (state === undefined || !Number.isFinite(value) || value <= 0) return false;
    const before =
      state.latest !== undefined && elapsed(now, state.latest.at) <= CLOCK_SLACK ? state.latest : undefined;
    if (elapsed(now, at) > CLOCK_SLACK || (before !== undefined && at < before.at)) return false;
    const median = medianOf(valuesOf(state.history));
    state.low = median !== undefined && value < median / MOST_CHANGE ? state.low + 1 : 0;
    state.latest = { value, at };
    const isAlone = !this.#fresh(now).some((other) => other.source !== source && isNear(other.latest.value, value));
    const isHigh = median !== undefined && value > MOST_CHANGE * median && isAlone;
    state.highSince = isHigh ? (state.highSince ?? at) : undefined;
    if (state.highSince !== undefined && elapsed(state.highSince, at) >= INSISTENCE) {
      state.history = [];
      state.highSince = undefined;
    }
    this.#believe(now, { source, at });
    // What is not believed must not make itself believed by repetition.
    const isUnconfirmed = state.low > 0 && state.low < FALL_SIGHTINGS;
    const isDisbelieved = state.highSince !== undefined || this.#leftOut === source || isUnconfirmed;
    if (!isDisbelieved) state.history = remember(state.history, { value, at });
    return true;
  }

  /** Undefined until a price was confirmed, and once all that was said is too old. */
  believed(now: UnixMs): Belief | undefined {
    const belief = this.#belief;
    if (belief === undefined || elapsed(now, belief.at) > CLOCK_SLACK) return undefined;
    return elapsed(belief.at, now) > this.#longestAge ? undefined : belief;
  }

  /** The age at which the longest-lived source is too old. */
  get #longestAge(): Millis {
    return Math.max(0, ...this.#maxAges.values()) as Millis;
  }

  get maxAge(): Millis {
    return this.#longestAge;
  }

  get memory(): GuardMemory {
    const histories = Object.fromEntries([...this.#states].map(([source, { history }]) => [source, history]));
    return { ...(this.#belief === undefined ? {} : { belief: this.#belief }), histories };
  }

  #believe(now: UnixMs, said: Omit<Rise, "value">): void {
    const fresh = this.#fresh(now);
    const credible = fresh.flatMap((state) => {
      const value = credibleValue(state, fresh, now);
      return value === undefined ? [] : [{ value, at: state.latest.at, source: state.source, ...pastOf(state) }];
    });
    const value = this.#agreedValue(credible, now);
    if (value === undefined) return;
    const at = newestOf(credible);
    const sources = this.#leftOut === undefined ? credible.length : 1;
    const belief = this.believed(now);
    if (belief !== undefined && value <= belief.value) {
      this.#accept(value, at, sources);
      return;
    }
    const agreed = credible.filter((one) => isNear(one.value, value)).length > 1;
    const isNews =
      credible.some(({ source }) => source === said.source) && !this.#rises.some((rise) => isSame(rise, said));
    if (isNews || belief === undefined) this.#rises = [...this.#rises, { ...said, value }];
    if (!agreed && this.#rises.length < RISE_SIGHTINGS) {
      // A rise not confirmed yet still says that the price is no lower than it was.
      if (belief !== undefined) this.#belief = { ...belief, at };
      return;
    }
    this.#accept(agreed ? value : Math.min(...this.#rises.map((rise) => rise.value)), at, sources);
  }

  /** The median, or the one of two that is not in doubt. */
  #agreedValue(credible: readonly Witness[], now: UnixMs): number | undefined {
    const [one, other, third] = credible;
    const ofTwo =
      one === undefined || other === undefined || third !== undefined
        ? undefined
        : believeOneOfTwo([one, other], this.#doubt, now);
    this.#doubt = ofTwo?.doubt;
    this.#leftOut = ofTwo?.isLeftOut && this.#doubt?.source;
    return ofTwo?.value ?? medianOf(valuesOf(credible));
  }

  #fresh(now: UnixMs): readonly Fresh[] {
    return [...this.#states].flatMap(([source, state]) => {
      const { latest } = state;
      const isFresh = latest !== undefined && elapsed(latest.at, now) <= (this.#maxAges.get(source) ?? 0);
      return isFresh ? [{ ...state, source, latest }] : [];
    });
  }

  #accept(value: number, at: UnixMs, sources: number): void {
    this.#rises = [];
    this.#belief = { value, at, sources };
  }
}

/** A higher price, and whose word of which moment it is: said twice of one moment, it is one word. */
interface Rise {
  readonly source: string;
  readonly at: UnixMs;
  readonly value: number;
}

const isSame = (a: Omit<Rise, "value">, b: Omit<Rise, "value">): boolean => a.source === b.source && a.at === b.at;

type Fresh = SourceState & { readonly source: string; readonly latest: Sighting };

/** What of a source's word is believed beside the others that are fresh; undefined for none of it. */
function credibleValue(state: Fresh, fresh: readonly Fresh[], now: UnixMs): number | undefined {
  const { value } = state.latest;
  const backed = fresh.some((other) => other !== state && isNear(other.latest.value, value));
  const isNewcomer = !isElder(state, now) && fresh.some((other) => other !== state && isElder(other, now));
  // Without a past, a source that nobody backs has to wait until it has one, while another one has.
  if (isNewcomer && !backed) return undefined;
  const median = medianOf(valuesOf(state.history));
  if (median === undefined) return value;
  if (value > MOST_CHANGE * median) return backed ? MOST_CHANGE * median : undefined;
  if (value < median / MOST_CHANGE) return backed || state.low >= FALL_SIGHTINGS ? value : undefined;
  return value;
}

function isElder({ history }: SourceState, now: UnixMs): boolean {
  const [first] = history;
  return first !== undefined && elapsed(first.at, now) >= LEAST_PAST;
}

const isNear = (a: number, b: number): boolean => a <= b * AGREEMENT && b <= a * AGREEMENT;

const valuesOf = (sightings: readonly Pick<Sighting, "value">[]): readonly number[] =>
  sightings.map(({ value }) => value);

/** The middle value, the lower of two: what is promised must not be too much. */
export function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

const newestOf = (sightings: readonly Sighting[]): UnixMs => Math.max(...sightings.map(({ at }) => at)) as UnixMs;

function pastOf({ history }: SourceState): Pick<Witness, "past"> {
  const median = medianOf(valuesOf(history));
  const [first] = history;
  return median === undefined || first === undefined ? {} : { past: { median, from: first.at } };
}

/** The last day, one sighting per five minutes. */
function remember(history: readonly Sighting[], sighting: Sighting): readonly Sighting[] {
  const past = history.filter(({ at }) => at <= sighting.at && elapsed(at, sighting.at) <= DAY);
  const last = past.at(-1);
  const sameStep = last !== undefined && elapsed(last.at, sighting.at) < HISTORY_STEP;
  return sameStep ? past : [...past, sighting];
}
