/** A 64-bit value of the library; undefined when a double cannot hold it, which no honest reading needs. */
export function toSafeInteger(value: bigint): number | undefined {
  return value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

/** Text up to its NUL, without what cannot be printed. */
export function toText(buffer: Buffer, from = 0): string {
  const end = buffer.indexOf(0, from);
  const text = buffer.toString("latin1", from, end < 0 ? buffer.length : end);
  return text.replace(/[^\x20-\x7e]/g, "").trim();
}
