/** Standard output carries only the listening line; everything said to a person goes to standard error. */
export function log(message: string, facts: Record<string, unknown> = {}): void {
  const details = Object.entries(facts).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  process.stderr.write(`rigshift-engine: ${message}${details.join("")}\n`);
}
