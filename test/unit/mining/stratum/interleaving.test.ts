import fc from "fast-check";
import { expect, test } from "vitest";
import { dialects } from "../../../../src/mining/stratum/dialects.ts";
import { type DialectScript, dialectScripts, jobId } from "../../../support/dialect-scripts.ts";
import { type PoolEnd, V1Bench } from "../../../support/v1-bench.ts";

const PLAIN = (
  ["work", "lose", "come", "return", "terms", "garbage", "wait", "late", "hold", "read", "unreadable"] as const
).map((kind) => ({ kind }));

/** One thing that happens between a miner and its pools. */
type Event =
  | { readonly kind: "submit"; readonly own: boolean; readonly by: string }
  | { readonly kind: "login"; readonly as: string }
  | { readonly kind: "answer"; readonly which: number; readonly accepted: boolean }
  | { readonly kind: "question"; readonly which: number }
  | (typeof PLAIN)[number];

/** The worker that logged in first, another of the rig's, a dev fee, a name that may never log in. */
const name = fc.constantFrom("rig.0", "rig.0", "rig.1", "0xfee", "typo");

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("submit" as const), own: fc.boolean(), by: name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("login" as const), as: name }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), which: fc.nat(5), accepted: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("question" as const), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.constantFrom(...PLAIN) },
);

/** A miner and its pools, whose every request is answered once at most, and what of it says that a share was accepted. */
class Play {
  readonly bench: V1Bench;
  submitted = 0;
  /** Answers of the pools to shares, on time or late, that say yes. */
  granted = 0;
  readonly #script: DialectScript;
  #id = 100;
  #side: PoolEnd | undefined;
  /** What the pool has not answered, in the order it came. */
  #open: { readonly id: number; readonly isShare: boolean }[] = [];
  /** Shares that the pool answers only after they were given up. */
  #late: number[] = [];

  constructor(script: DialectScript) {
    this.#script = script;
    this.bench = new V1Bench(dialects[script.dialect], script.algorithm);
    this.bench.says(...script.login);
  }

  come(): void {
    const side = this.bench.open("a");
    side.says(...this.#script.welcome("0a0a", jobId(this.#script, "j1")));
    this.bench.miner.adopt(side.session);
    this.#side = side;
    this.#open = [];
    this.#late = [];
  }

  lose(): void {
    this.#side?.session.lost("ECONNRESET");
    this.#side = undefined;
  }

  async act(one: Event): Promise<void> {
    const { bench } = this;
    const side = this.#side;
    if (one.kind === "submit") this.#submit(one);
    else if (one.kind === "question") this.#ask(one.which);
    else if (one.kind === "unreadable") this.#mumble();
    else if (one.kind === "login") this.#login(one.as);
    else if (one.kind === "answer") this.#answer(one.which, one.accepted);
    else if (one.kind === "late") this.#answerLate();
    else if (one.kind === "work") side?.says(this.#script.job(jobId(this.#script, "j2")));
    else if (one.kind === "terms") side?.says(...this.#script.harder(jobId(this.#script, "j2")).slice(0, -1));
    else if (one.kind === "garbage") side?.says('{"id":987654,"result":true,"error":null}');
    else if (one.kind === "hold") bench.miner.holdBack();
    else if (one.kind === "read") bench.miner.catchUp();
    else if (one.kind === "lose") this.lose();
    else if (one.kind === "wait") await this.#wait();
    else if (one.kind === "come" && !side) this.come();
    else if (one.kind === "return" && side) {
      this.come();
      side.session.lost("no longer needed");
    }
  }

  /** Ids are used again: some miners have but one. */
  #nextId = (which: number): number =>
    which % 3 === 0 ? (this.#open[0]?.id ?? this.#late[0] ?? ++this.#id) : ++this.#id;

  #submit({ own, by }: Extract<Event, { kind: "submit" }>): void {
    const id = this.#nextId(this.submitted);
    this.submitted++;
    this.#send(id, true, this.#script.submit(id, jobId(this.#script, own ? "j1" : "jx")).replace("rig.0", by));
  }

  #ask(which: number): void {
    const id = this.#nextId(which);
    this.#send(id, false, JSON.stringify({ id, method: "x.ping", params: {} }));
  }

  #send(id: number, isShare: boolean, line: string): void {
    const before = this.#side?.sent.length;
    this.bench.says(line);
    if (this.#side && this.#side.sent.length !== before) this.#open.push({ id, isShare });
  }

  #mumble(): void {
    const { params, ...body } = JSON.parse(this.#script.submit(++this.#id, jobId(this.#script, "j1")));
    const bad = Array.isArray(params) ? [params[0], "?", "?"] : { ...params, nonce: "?" };
    this.submitted++;
    this.bench.says(JSON.stringify({ ...body, params: bad }));
  }

  #login(worker: string): void {
    const lines = this.#script.login.filter((line) => line.includes("rig.0"));
    this.bench.says(...lines.map((line) => line.replace("rig.0", worker)));
    const ids = lines.map((line) => JSON.parse(line).id);
    const welcome = this.#script.welcome("0a0a", jobId(this.#script, "j1"));
    this.#side?.says(...welcome.filter((line) => ids.includes(JSON.parse(line).id)));
  }

  /** Requests of one id are answered in their order. */
  #answer(which: number, isAccepted: boolean): void {
    const id = this.#open[which % Math.max(1, this.#open.length)]?.id;
    const first = this.#open.find((one) => one.id === id);
    if (id === undefined || !first) return;
    this.#open = this.#open.filter((one) => one !== first);
    this.#say(id, isAccepted, first.isShare);
  }

  #answerLate(): void {
    const id = this.#late.shift();
    if (id === undefined || this.#open.some((one) => one.id === id)) return;
    this.#say(id, true, true);
  }

  #say(id: number, isAccepted: boolean, isShare: boolean): void {
    if (isShare && isAccepted) this.granted++;
    this.#side?.says(isAccepted ? this.#script.accept(id) : this.#script.refuse(id, "stale"));
  }

  async #wait(): Promise<void> {
    await this.bench.clock.advance(61_000);
    this.#side?.says('{"id":987655,"result":true,"error":null}');
    this.#side?.session.check(this.bench.clock.monotonic());
    this.#late.push(...this.#open.filter(({ isShare }) => isShare).map(({ id }) => id));
    this.#open = [];
  }
}

/** Lets everything happen and then loses the pool. */
async function play(script: DialectScript, isPoolThere: boolean, events: readonly Event[]): Promise<Play> {
  const told = new Play(script);
  if (isPoolThere) told.come();
  for (const one of events) await told.act(one);
  told.lose();
  return told;
}

for (const script of dialectScripts)
  test(`${script.dialect}: whatever happens in whatever order, every share ends up accepted, rejected or unknown, once, and none accepted that no pool granted`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(event, { maxLength: 60 }), async (isPoolThere, events) => {
        const { bench, submitted, granted } = await play(script, isPoolThere, events);
        const booked = [...bench.shares, ...bench.foreign];
        const count = (...verdicts: string[]) =>
          booked.filter(({ verdict, isLate }) => !isLate && verdicts.includes(verdict)).length;
        const accepted = count("accepted");
        const rejected = count("stale", "duplicate", "low-difficulty", "rejected");
        expect(accepted + rejected + count("unknown")).toBe(submitted);
        const late = booked.filter(({ isLate }) => isLate).length;
        expect(late, "each was unknown before").toBeLessThanOrEqual(count("unknown"));
        expect(booked.filter(({ verdict }) => verdict === "accepted").length).toBeLessThanOrEqual(granted);
        expect(bench.dropped).toSatisfy((why) => why === undefined || /nonsense/.test(why));
      }),
      { numRuns: 150 },
    );
  });
