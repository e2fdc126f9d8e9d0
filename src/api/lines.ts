/** Longer than anything that the agent says in one line. */
const LONGEST_LINE_CHARS = 1024 * 1024;

/** The lines of a stream as they come; throws a `SyntaxError` on one that does not end. Leaves the stream cancelled. */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      yield* lines.filter((line) => line !== "");
      if (rest.length > LONGEST_LINE_CHARS) throw new SyntaxError("a line is too long");
      if (done) return;
    }
  } finally {
    // The reader may already be gone with its connection, which is all that cancelling would achieve.
    await reader.cancel().catch(() => undefined);
  }
}
