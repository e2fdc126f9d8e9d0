import { after, elapsed, hours, type Millis, millis, minutes, type UnixMs, unixMs } from "../units/time.ts";
import { believeOneOfTwo, type Doubt, LEAST_PAST, type Witness } from "./two-sources.ts";

/** Sightings in a row that a move needs, and those until a single source's collapse is taken for one. */
const MOVE_SIGHTINGS = 2;
const FALL_SIGHTINGS = 2;
const DAY = hours(24);
const HISTORY_STEP = minutes(5);
/** A time this far ahead of ours is a source's mistake, or our clock was set back. */
const CLOCK_SLACK = minutes(5);

/** Within this factor a price did not move: a fall within it needs no witness, and breaks no promise. */
const NOISE = 1.01;

/** How a price is known to move, and so what is not believed of it. */
export interface Caution {
  /** Further from its own daily median than by this factor, a source is not believed on its word alone. */
  readonly mostChange: number;
  /** Sources within this factor of each other confirm one another. */
  readonly agreement: number;
}

/** Of coins and what else doubles within a day. */
const VOLATILE: Caution = { mostChange: 5, agreement: 2 };

/** What one source said, and when that held. */
export interface Sighting {
  readonly value: number;
  readonly at: UnixMs;
}

/** How the word of one source is taken. */
export interface SourceTerms {
  /** Older than that it is nobody's word. */
  readonly maxAge: Millis;
  /** By the operator: what it said before is not held against what it says now. */
  readonly historyFrom?: UnixMs | undefined;
}

/** What is believed now, and how many sources that were fresh stand behind it. */
export interface Belief extends Sighting {
  readonly sources: number;
  /** When the last of those sources is too old; absent in what an earlier version kept. */
  readonly until?: UnixMs;
}

/** A source that alone says far more than it said all day: it waits for another one, or for the operator. */
export interface Disputed {
  readonly source: string;
  readonly value: number;
  /** Its own median. */
  readonly usual: number;
}

/** What survives a restart. */
export interface GuardMemory {
  readonly belief?: Belief;
  readonly histories: Readonly<Record<string, readonly Sighting[]>>;
}

interface SourceState {
  latest?: Sighting & { readonly saidAt: UnixMs };
  history: readonly Sighting[];
  /** Sightings in a row far below the source's own median. */
  low: number;
  /** Far above it, alone. */
  isHigh?: boolean;
}

/**
 * One price from several sources, any of which may lie: the median counts, of two the one that did not leave its own past
 * alone, a move must be seen twice, and nobody far from its own daily median is believed alone. Written by `sight` only.
 */
export class GuardedPrice {
  readonly #terms: ReadonlyMap<string, SourceTerms>;
  readonly #caution: Caution;
  readonly #states = new Map<string, SourceState>();
  #belief: Belief | undefined;
  #moves: readonly Move[] = [];
  /** Of one of two sources that contradict each other. */
  #doubt: Doubt | undefined;
  #leftOut: string | undefined;

  constructor(terms: ReadonlyMap<string, SourceTerms>, memory?: GuardMemory, caution: Caution = VOLATILE) {
    this.#terms = terms;
    this.#caution = caution;
    this.#belief = memory?.belief;
    for (const [source, { historyFrom = 0 }] of terms) {
      const history = memory?.histories[source]?.filter(({ at }) => at >= historyFrom) ?? [];
      this.#states.set(source, { history, low: 0 });
    }
  }

  /**
   * Takes what `source` says; false when it is older than what it said before, or comes from the future. Said twice at
   * one `saidAt`, it is one word.
   */
  sight(source: string, { value, at, saidAt = at }: Sighting & { readonly saidAt?: UnixMs }, now: UnixMs): boolean {
    const state = this.#states.get(source);
    if (state === undefined || !Number.isFinite(value) || value <= 0) return false;
    const before =
      state.latest !== undefined && elapsed(now, state.latest.at) <= CLOCK_SLACK ? state.latest : undefined;
    if (elapsed(now, at) > CLOCK_SLACK || (before !== undefined && at < before.at)) return false;
    const median = medianOf(valuesOf(state.history));
    const { mostChange, agreement } = this.#caution;
    const isNews = before?.saidAt !== saidAt;
    state.low = median !== undefined && value < median / mostChange ? state.low + (isNews ? 1 : 0) : 0;
    state.latest = { value, at, saidAt };
    const isAlone = !this.#fresh(now).some(
      (other) => other.source !== source && isNear(other.latest.value, value, agreement),
    );
    state.isHigh = median !== undefined && value > mostChange * median && isAlone;
    this.#believe(now, { source, at: saidAt });
    // What is not believed must not make itself believed by repetition.
    const isUnconfirmed = state.low > 0 && state.low < FALL_SIGHTINGS;
    const isDisbelieved = state.isHigh || this.#leftOut === source || isUnconfirmed;
    if (!isDisbelieved) state.history = remember(state.history, { value, at });
    return true;
  }

  /** Undefined until a price was confirmed, and once all that was said is too old. */
  believed(now: UnixMs): Belief | undefined {
    const belief = this.#belief;
    if (belief === undefined || elapsed(now, belief.at) > CLOCK_SLACK) return undefined;
    const { at, until = after(at, this.#shortestAge) } = belief;
    return elapsed(until, now) > 0 ? undefined : belief;
  }

  /** The age of a belief at which nobody stands behind it. */
  get maxAge(): Millis {
    const { at, until } = this.#belief ?? {};
    return at === undefined || until === undefined ? this.#shortestAge : elapsed(at, until);
  }

  /** True while another price was said that nobody has confirmed yet. */
  get isMoving(): boolean {
    const belief = this.#belief?.value;
    if (belief === undefined) return false;
    const isFalling = [...this.#states.values()].some(({ low }) => low > 0 && low < FALL_SIGHTINGS);
    return isFalling || this.#moves.some(({ value }) => !isNear(value, belief, NOISE));
  }

  /** Those that wait for another source, or for the operator, to be believed. */
  disputed(now: UnixMs): readonly Disputed[] {
    return this.#fresh(now).flatMap(({ source, latest, isHigh, history }) => {
      const usual = medianOf(valuesOf(history));
      return isHigh === true && usual !== undefined ? [{ source, value: latest.value, usual }] : [];
    });
  }

  get #shortestAge(): Millis {
    return millis(Math.min(...[...this.#terms.values()].map(({ maxAge }) => maxAge)));
  }

  get memory(): GuardMemory {
    const histories = Object.fromEntries([...this.#states].map(([source, { history }]) => [source, history]));
    return { ...(this.#belief === undefined ? {} : { belief: this.#belief }), histories };
  }

  #believe(now: UnixMs, said: Omit<Move, "value">): void {
    const fresh = this.#fresh(now);
    const credible = fresh.flatMap((state) => {
      const value = credibleValue(state, fresh, { now, ...this.#caution });
      return value === undefined ? [] : [{ value, at: state.latest.at, source: state.source, ...pastOf(state) }];
    });
    const value = this.#agreedValue(credible, now);
    if (value === undefined) return;
    const heard = { at: newestOf(credible), until: this.#standsUntil(credible, value) };
    const sources = this.#leftOut === undefined ? credible.length : 1;
    const belief = this.believed(now);
    if (belief !== undefined && !needsWitness(value, belief.value)) {
      this.#accept({ value, ...heard, sources });
      return;
    }
    const isFall = belief !== undefined && value < belief.value;
    const before = this.#moves.filter((move) => belief === undefined || move.value < belief.value === isFall);
    const movers = credible.filter((one) => isOnSide(one.value, value, belief?.value));
    const agreed = movers.filter((one) => isNear(one.value, value, this.#caution.agreement)).length > 1;
    const isNews = movers.some(({ source }) => source === said.source) && !before.some((move) => isSame(move, said));
    this.#moves = isNews || belief === undefined ? [...before, { ...said, value }] : before;
    if (!agreed && this.#moves.length < MOVE_SIGHTINGS) {
      // A move not confirmed yet still says that somebody was heard.
      if (belief !== undefined) this.#belief = { ...belief, ...heard };
      return;
    }
    const values = valuesOf(this.#moves);
    this.#accept({ value: agreed ? value : isFall ? Math.max(...values) : Math.min(...values), ...heard, sources });
  }

  /** When the last of those that say about `value` is too old. */
  #standsUntil(credible: readonly (Sighting & { readonly source: string })[], value: number): UnixMs {
    const near = credible.filter((one) => isNear(one.value, value, this.#caution.agreement));
    return unixMs(Math.max(...near.map(({ source, at }) => after(at, this.#maxAge(source)))));
  }

  #maxAge(source: string): Millis {
    return this.#terms.get(source)?.maxAge ?? millis(0);
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
      const isFresh = latest !== undefined && elapsed(latest.at, now) <= this.#maxAge(source);
      return isFresh ? [{ ...state, source, latest }] : [];
    });
  }

  #accept(belief: Belief): void {
    this.#moves = [];
    this.#belief = belief;
  }
}

/** A rise may be an error that begins bad work, and a fall one that ends good work. */
const needsWitness = (value: number, believed: number): boolean => value > believed || value * NOISE < believed;

/** Whether `one` left what is believed in the direction of `value`, and so bears it out. */
const isOnSide = (one: number, value: number, believed: number | undefined): boolean =>
  believed === undefined || (value < believed ? one * NOISE < believed : one > believed);

/** Another price, and whose word of which moment it is: said twice of one moment, it is one word. */
interface Move {
  readonly source: string;
  readonly at: UnixMs;
  readonly value: number;
}

const isSame = (a: Omit<Move, "value">, b: Omit<Move, "value">): boolean => a.source === b.source && a.at === b.at;

type Fresh = SourceState & { readonly source: string; readonly latest: Sighting };

/** What of a source's word is believed beside the others that are fresh; undefined for none of it. */
function credibleValue(
  state: Fresh,
  fresh: readonly Fresh[],
  { now, mostChange, agreement }: Caution & { readonly now: UnixMs },
): number | undefined {
  const { value } = state.latest;
  const backed = fresh.some((other) => other !== state && isNear(other.latest.value, value, agreement));
  const isNewcomer = !isElder(state, now) && fresh.some((other) => other !== state && isElder(other, now));
  // Without a past, a source that nobody backs has to wait until it has one, while another one has.
  if (isNewcomer && !backed) return undefined;
  const median = medianOf(valuesOf(state.history));
  if (median === undefined) return value;
  if (value > mostChange * median) return backed ? mostChange * median : undefined;
  if (value < median / mostChange) return backed || state.low >= FALL_SIGHTINGS ? value : undefined;
  return value;
}

function isElder({ history }: SourceState, now: UnixMs): boolean {
  const [first] = history;
  return first !== undefined && elapsed(first.at, now) >= LEAST_PAST;
}

const isNear = (a: number, b: number, factor: number): boolean => a <= b * factor && b <= a * factor;

const valuesOf = (sightings: readonly { readonly value: number }[]): readonly number[] =>
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
