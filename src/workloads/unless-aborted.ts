/** `promise`, or "aborted" as soon as `signal` fires; leaves no listener behind on a signal that lives long. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
  if (signal.aborted) return "aborted";
  const fired = Promise.withResolvers<"aborted">();
  const onAbort = () => fired.resolve("aborted");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, fired.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
