/** A child that writes its second argument to the stream its first names, `N` times if given; then it ends with the exit code of its third, or waits. */
const [stream = "stdout", text = "", end = "wait"] = process.argv.slice(2);
const out = stream === "stderr" ? process.stderr : process.stdout;

out.write(text, () => {
  if (end !== "wait") process.exit(Number(end));
});
process.stdin.on("end", () => process.exit(0)).resume();
