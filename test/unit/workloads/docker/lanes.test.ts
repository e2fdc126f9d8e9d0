import { expect, test } from "vitest";
import { Lanes } from "../../../../src/workloads/docker/lanes.ts";

const { signal } = new AbortController();
const gate = () => Promise.withResolvers<void>();

test("one name does one thing at a time, in the order asked, and other names do not wait", async () => {
  const lanes = new Lanes();
  const log: string[] = [];
  const first = gate();
  const a = lanes.run("a", async () => {
    await first.promise;
    log.push("a1");
  });
  const b = lanes.run("a", () => Promise.resolve(log.push("a2")));
  await lanes.run("b", () => Promise.resolve(log.push("b")));
  first.resolve();
  await Promise.all([a, b]);
  expect(log).toEqual(["b", "a1", "a2"]);
});

test("a failure is its caller's alone", async () => {
  const lanes = new Lanes();
  const failing = lanes.run("a", () => Promise.reject(new Error("broken")));
  const next = lanes.run("a", () => Promise.resolve("fine"));
  await expect(failing).rejects.toThrow("broken");
  expect(await next).toBe("fine");
});

test("a cut reaches the start that runs and those that wait, and no later one", async () => {
  const lanes = new Lanes();
  const until = (stop: AbortSignal) =>
    new Promise<string>((resolve) => {
      if (stop.aborted) resolve("cut");
      stop.addEventListener("abort", () => resolve("cut"));
    });
  const both = [lanes.start("a", signal, until), lanes.start("a", signal, until)];
  lanes.cut("a");
  expect(await Promise.all(both)).toEqual(["cut", "cut"]);
  expect(await lanes.start("a", signal, (stop) => Promise.resolve(String(stop.aborted)))).toBe("false");
});

test("close waits for all that goes on", async () => {
  const lanes = new Lanes();
  const work = gate();
  let done = false;
  void lanes
    .run("a", () => work.promise)
    .then(() => {
      done = true;
    });
  const closed = lanes.close();
  work.resolve();
  await closed;
  expect(done).toBe(true);
});
