import { runCli } from "./program.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // The second signal ends at once what the first asked to end in good order.
  process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort()));
}

// A reader that has enough, such as head, is no fault: what is left to do ends in good order.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stop.abort());

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  input: () => process.stdin,
  print: (text) => process.stdout.write(text),
  isTerminal: process.stdout.isTTY === true,
  // Some terminals claim to have none.
  columns: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
  printError: (text) => process.stderr.write(text),
  signal: stop.signal,
});
// What still hangs after the time for a stop holds up nobody, whoever asked for the stop.
if (stop.signal.aborted) process.exit();
setTimeout(() => process.exit(), 500).unref();
