import { elapsed, hours, type Millis, minutes, type UnixMs } from "../units/time.ts";
import { believeOneOfTwo, type Doubt, LEAST_PAST, type Witness } from "./two-sources.ts";

/** Sightings in a row that a rise needs, and that a single source's collapse needs. */
const MOVE_SIGHTINGS = 2;
const FALL_SIGHTINGS = 3;
/** A source that insists on a jump for this long begins a new history. */
const INSISTENCE = hours(12);
const DAY = hours(24);
const HISTORY_STEP = minutes(5);
/** A time this far ahead of ours is a source's mistake, or our clock was set back. */
const CLOCK_SLACK = minutes(5);

/** A fall no greater than this is none, where falls are confirmed too. */
const SMALL_FALL = 0.99;

/** How a price is known to move, and so what is not believed of it. */
export interface Caution {
  /** Further from its own daily median than by this factor, a source is not believed on its word alone. */
  readonly mostChange: number;
  /** Sources within this factor of each other confirm one another. */
  readonly agreement: number;
  /** Where a fall can do as much harm as a rise: then it has to be seen twice too. */
  readonly confirmsFalls?: true;
}

/** Of coins and what else doubles within a day, and where too low a price costs no more than a chance. */
const VOLATILE: Caution = { mostChange: 5, agreement: 2 };

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
  readonly #caution: Caution;
  readonly #states = new Map<string, SourceState>();
  #belief: Belief | undefined;
  #moves: readonly Move[] = [];
  /** Of one of two sources that contradict each other. */
  #doubt: Doubt | undefined;
  #leftOut: string | undefined;

  constructor(maxAges: ReadonlyMap<string, Millis>, memory?: GuardMemory, caution: Caution = VOLATILE) {
    this.#maxAges = maxAges;
    this.#caution = caution;
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
    const { mostChange, agreement } = this.#caution;
    state.low = median !== undefined && value < median / mostChange ? state.low + 1 : 0;
    state.latest = { value, at };
    const isAlone = !this.#fresh(now).some(
      (other) => other.source !== source && isNear(other.latest.value, value, agreement),
    );
    const isHigh = median !== undefined && value > mostChange * median && isAlone;
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

  #believe(now: UnixMs, said: Omit<Move, "value">): void {
    const fresh = this.#fresh(now);
    const credible = fresh.flatMap((state) => {
      const value = credibleValue(state, fresh, { now, ...this.#caution });
      return value === undefined ? [] : [{ value, at: state.latest.at, source: state.source, ...pastOf(state) }];
    });
    const value = this.#agreedValue(credible, now);
    if (value === undefined) return;
    const at = newestOf(credible);
    const sources = this.#leftOut === undefined ? credible.length : 1;
    const belief = this.believed(now);
    if (belief !== undefined && !this.#needsWitness(value, belief)) {
      this.#accept(value, at, sources);
      return;
    }
    const isFall = belief !== undefined && value < belief.value;
    const before = this.#moves.filter((move) => belief === undefined || move.value < belief.value === isFall);
    const agreed = credible.filter((one) => isNear(one.value, value, this.#caution.agreement)).length > 1;
    const isNews = credible.some(({ source }) => source === said.source) && !before.some((move) => isSame(move, said));
    this.#moves = isNews || belief === undefined ? [...before, { ...said, value }] : before;
    if (!agreed && this.#moves.length < MOVE_SIGHTINGS) {
      // A move not confirmed yet still says that somebody was heard.
      if (belief !== undefined) this.#belief = { ...belief, at };
      return;
    }
    const values = valuesOf(this.#moves);
    this.#accept(agreed ? value : isFall ? Math.max(...values) : Math.min(...values), at, sources);
  }

  #needsWitness(value: number, belief: Belief): boolean {
    return value > belief.value || (this.#caution.confirmsFalls === true && value < SMALL_FALL * belief.value);
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
    this.#moves = [];
    this.#belief = { value, at, sources };
  }
}

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
