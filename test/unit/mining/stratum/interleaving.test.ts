import fc from "fast-check";
import { expect, test } from "vitest";
import { dialects } from "../../../../src/mining/stratum/dialects.ts";
import { type DialectScript, dialectScripts, jobId } from "../../../support/dialect-scripts.ts";
import { type PoolEnd, V1Bench } from "../../../support/v1-bench.ts";

/** One thing that happens between a miner and its pools. */
type Event =
  | { readonly kind: "submit"; readonly own: boolean; readonly by: string }
  | { readonly kind: "login"; readonly as: string }
  | { readonly kind: "answer"; readonly which: number; readonly accepted: boolean }
  | { readonly kind: "work" | "lose" | "come" | "garbage" | "wait" };

/** The worker that logged in first, another of the rig's, a dev fee, a name that may never log in. */
const name = fc.constantFrom("rig.0", "rig.0", "rig.1", "0xfee", "typo");

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("submit" as const), own: fc.boolean(), by: name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("login" as const), as: name }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), which: fc.nat(5), accepted: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constantFrom("work", "lose", "come", "garbage", "wait").map((kind) => ({ kind })) },
);

/** Lets everything happen and then lose the pool; counts what the miner sent of its own. */
async function play(script: DialectScript, isPoolThere: boolean, events: readonly Event[]) {
  const bench = new V1Bench(dialects[script.dialect], script.algorithm);
  let submitted = 0;
  let id = 100;
  let side: PoolEnd | undefined;
  let open: number[] = [];
  const come = () => {
    side = bench.open("a");
    side.says(...script.welcome("0a0a", jobId(script, "j1")));
    bench.miner.adopt(side.session);
  };
  const lose = () => {
    side?.session.lost("ECONNRESET");
    side = undefined;
    open = [];
  };
  const loginAs = (worker: string) => {
    const lines = script.login.filter((line) => line.includes("rig.0"));
    bench.says(...lines.map((line) => line.replace("rig.0", worker)));
    const ids = lines.map((line) => JSON.parse(line).id);
    side?.says(...script.welcome("0a0a", jobId(script, "j1")).filter((line) => ids.includes(JSON.parse(line).id)));
  };
  bench.says(...script.login);
  if (isPoolThere) come();
  for (const one of events) {
    if (one.kind === "submit") {
      // Every third share carries an id that is used already: some miners have but one.
      const used = submitted % 3 === 0 ? (open[0] ?? ++id) : ++id;
      bench.says(script.submit(used, jobId(script, one.own ? "j1" : "jx")).replace("rig.0", one.by));
      submitted++;
      if (side) open.push(used);
    } else if (one.kind === "answer" && side && open.length > 0) {
      const [answered = 0] = open.splice(one.which % open.length, 1);
      side.says(one.accepted ? script.accept(answered) : script.refuse(answered, "stale"));
    } else if (one.kind === "login") loginAs(one.as);
    else if (one.kind === "work") side?.says(script.job(jobId(script, "j2")));
    else if (one.kind === "lose") lose();
    else if (one.kind === "come" && !side) come();
    else if (one.kind === "garbage") side?.says('{"id":987654,"result":true,"error":null}');
    else if (one.kind === "wait") {
      await bench.clock.advance(61_000);
      side?.session.check(bench.clock.monotonic());
    }
  }
  lose();
  return { bench, submitted };
}

for (const script of dialectScripts)
  test(`${script.dialect}: whatever happens in whatever order, every share ends up accepted, rejected or unknown, once`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(event, { maxLength: 60 }), async (isPoolThere, events) => {
        const { bench, submitted } = await play(script, isPoolThere, events);
        const count = (...verdicts: string[]) =>
          [...bench.shares, ...bench.foreign].filter(({ verdict }) => verdicts.includes(verdict)).length;
        const accepted = count("accepted");
        const rejected = count("stale", "duplicate", "low-difficulty", "rejected");
        expect(accepted + rejected + count("unknown")).toBe(submitted);
        expect(bench.dropped).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });
