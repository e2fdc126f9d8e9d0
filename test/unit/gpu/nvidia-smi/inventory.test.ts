import { expect, test } from "vitest";
import { InventoryReader } from "../../../../src/gpu/nvidia-smi/inventory.ts";
import type { XmlAnswer } from "../../../../src/gpu/nvidia-smi/xml-worker.ts";
import { createLogger } from "../../../../src/lib/logger.ts";
import { toDocument } from "../../../support/fake-nvidia-smi.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const { signal } = new AbortController();
const answer = (driver: string): XmlAnswer => ({
  kind: "document",
  document: toDocument(`<nvidia_smi_log><driver_version>${driver}</driver_version></nvidia_smi_log>`),
});
const broken: XmlAnswer = { kind: "unreadable", reason: "Non-whitespace before first tag." };

/** A reader over programs that answer when the test says so. */
function begin() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const programs: { readonly end: (answer: XmlAnswer) => void; abandoned: boolean }[] = [];
  const reader = new InventoryReader({
    clock,
    logger: createLogger("info", (line) => lines.push(line)),
    readXml: () => {
      const { promise, resolve } = Promise.withResolvers<XmlAnswer>();
      const program = { end: resolve, abandoned: false };
      programs.push(program);
      return {
        answer: promise,
        abandon: () => {
          program.abandoned = true;
        },
      };
    },
  });
  const end = async (what: XmlAnswer) => {
    programs.at(-1)?.end(what);
    await clock.advance(0);
  };
  return { clock, lines, programs, reader, end };
}

test("all who ask at once share one program", async () => {
  const { reader, programs, end } = begin();
  const asked = [reader.refresh(signal), reader.refresh(signal), reader.refresh(signal)];
  await end(answer("1"));
  await Promise.all(asked);
  expect(programs).toHaveLength(1);
  expect(reader.look?.inventory.driverVersion).toBe("1");
});

test("within a minute nothing is started, after it one more is", async () => {
  const { reader, programs, clock, end } = begin();
  const first = reader.refresh(signal);
  await end(answer("1"));
  await first;
  await clock.advance(59_999);
  await reader.refresh(signal);
  expect(programs).toHaveLength(1);
  await clock.advance(1);
  const second = reader.refresh(signal);
  await end(answer("2"));
  await second;
  expect(programs).toHaveLength(2);
  expect(reader.look?.inventory.driverVersion).toBe("2");
});

test("a program that hangs is told once and never gets a second beside it, however long it takes", async () => {
  const { reader, programs, clock, lines } = begin();
  const first = reader.refresh(signal);
  await clock.advance(5000);
  await first;
  expect(reader.fault?.facts.code).toBe("ERR_NVIDIA_SMI_HUNG");
  for (let minute = 0; minute < 60; minute += 1) {
    await clock.advance(60_000);
    await reader.refresh(signal);
  }
  expect(programs).toHaveLength(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("ERR_NVIDIA_SMI_HUNG");
});

test("what a program says that hung for a while is taken, and the next one may start", async () => {
  const { reader, programs, clock, lines, end } = begin();
  const first = reader.refresh(signal);
  await clock.advance(300_000);
  await first;
  await end(answer("late"));
  expect(reader.fault).toBeUndefined();
  expect(reader.look?.inventory.driverVersion).toBe("late");
  expect(lines.at(-1)).toContain("answers again");
  void reader.refresh(signal);
  expect(programs).toHaveLength(2);
});

test("a failure keeps the last log, with its age, and is logged once", async () => {
  const { reader, clock, lines, end } = begin();
  const first = reader.refresh(signal);
  await end(answer("1"));
  await first;
  const seen = reader.look;
  for (let n = 0; n < 3; n += 1) {
    await clock.advance(60_000);
    const next = reader.refresh(signal);
    await end(broken);
    await next;
  }
  expect(reader.look).toBe(seen);
  expect(reader.fault?.facts.code).toBe("ERR_NVIDIA_SMI_OUTPUT");
  expect(lines).toHaveLength(1);
});

const failures: readonly (readonly [XmlAnswer, string, string])[] = [
  [{ kind: "failed", exitCode: 9, reason: "" }, "ERR_NVIDIA_SMI_NO_GPU", "couldn't communicate"],
  [{ kind: "failed", exitCode: 6, reason: "" }, "ERR_NVIDIA_SMI_NO_GPU", "no devices"],
  [{ kind: "failed", exitCode: 12, reason: "" }, "ERR_NVIDIA_SMI_NO_GPU", "NVML"],
  [{ kind: "failed", exitCode: 127, reason: "" }, "ERR_NVIDIA_SMI_NO_GPU", "no such program"],
  [{ kind: "failed", exitCode: 15, reason: "" }, "ERR_NVIDIA_SMI_FAILED", "fallen off the bus"],
  [{ kind: "failed", exitCode: 255, reason: "words" }, "ERR_NVIDIA_SMI_FAILED", "exit code 255: words"],
  [{ kind: "failed", reason: "x".repeat(9999) }, "ERR_NVIDIA_SMI_FAILED", "xxx"],
  [broken, "ERR_NVIDIA_SMI_OUTPUT", "Non-whitespace"],
  [{ kind: "document", document: null }, "ERR_NVIDIA_SMI_OUTPUT", "nvidia_smi_log"],
];
for (const [what, code, words] of failures)
  test(`${JSON.stringify(what).slice(0, 60)} is ${code}, and the mend is told`, async () => {
    const { reader, end } = begin();
    const asked = reader.refresh(signal);
    await end(what);
    await asked;
    expect(reader.fault?.facts.code).toBe(code);
    expect(reader.fault?.message).toContain(words);
    expect(reader.fault?.message.length).toBeLessThan(400);
    expect(reader.fault?.facts.mend).toBeTruthy();
  });

test("who gives up waits no longer, and the program goes on for the others", async () => {
  const { reader, programs, end } = begin();
  const patient = reader.refresh(signal);
  await reader.refresh(AbortSignal.abort());
  expect(reader.fault).toBeUndefined();
  await end(answer("1"));
  await patient;
  expect(programs).toHaveLength(1);
});

test("once closed nothing is started, and what runs is forgotten", async () => {
  const { reader, programs, end } = begin();
  const asked = reader.refresh(signal);
  reader.close();
  await end(answer("1"));
  await asked;
  expect(programs[0]?.abandoned).toBe(true);
  expect(reader.look).toBeUndefined();
  await reader.refresh(signal);
  expect(programs).toHaveLength(1);
});
