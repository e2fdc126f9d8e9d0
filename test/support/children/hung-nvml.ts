/* Reads a GPU whose driver hangs, closes the source and ends, as the agent would. The library is the argument. */
import { openNvml } from "../../../src/gpu/nvml/source.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { millis } from "../../../src/units/time.ts";

const { signal } = new AbortController();
const source = await openNvml({ clock: systemClock, library: process.argv[2] ?? "", hangAfter: millis(200) });
const [info] = await source.list(signal);
if (info) console.log((await source.read(info.uuid, signal)).health);
await source.close();
process.exitCode = 3;
