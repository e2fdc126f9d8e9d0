/** Writes jobs into the ledger of `argv[2]` until it is killed, naming each id on stdout once it is committed. */
import { writeSync } from "node:fs";
import { openLedger } from "../../../src/ledger/open.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { messageOf } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { after, millis, minutes, unixMs } from "../../../src/units/time.ts";
import { GPU_A, jobTotals } from "../ledger-rows.ts";

const [, , dataDir = ".", task = "write"] = process.argv;

function writeOne(ledger: ReturnType<typeof openLedger>, id: string): void {
  const now = systemClock.now();
  const slotStart = unixMs(Math.floor(now / minutes(15)) * minutes(15));
  ledger.transaction(() => {
    ledger.jobs.startJob({ id, kind: "completion", gpu: GPU_A, workload: "tiny", started: now });
    const energy = milliJoules(1 + (now % 97));
    const whole = { gpu: GPU_A, slotStart, energy, quality: "counter" } as const;
    ledger.energy.bookSegment([{ ...whole, sink: "inference", jobId: id }], [whole]);
    ledger.jobs.endJob(id, { ended: after(now, millis(1)), outcome: "completed", tokensOut: 1 }, jobTotals(energy));
  });
}

try {
  const ledger = openLedger(dataDir, { clock: systemClock, logger: silentLogger });
  writeSync(1, "open\n");
  if (task === "hold") setInterval(() => {}, 1000);
  for (let n = 0; task === "write"; n += 1) {
    writeOne(ledger, `${process.pid}-${n}`);
    writeSync(1, `${process.pid}-${n}\n`);
  }
} catch (error) {
  writeSync(1, `refused: ${messageOf(error)}\n`);
}
