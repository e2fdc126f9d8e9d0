import { expect, test } from "vitest";
import { AgentProcess, eventually, runRigshift } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

test("a working agent's profit, decision and benchmark are told by the command line", async () => {
  using directory = new TemporaryDirectory();
  await using agent = new AgentProcess(directory);
  const client = await agent.listening();
  const { signal } = new AbortController();
  const gpu = await eventually(async () => {
    const [one] = await client.gpus(signal);
    return one?.workload === "hashing" && one.netUsdPerHour !== null ? one : undefined;
  });
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runRigshift([...args, "--data-dir", agent.dataDir, "--json"]);
    expect(code).toBe(0);
    expect(stderr, "how far the benchmark is, and nothing else").toMatch(/^(CPU-\S+: (settling|measuring)\n)*$/);
    return JSON.parse(stdout);
  };

  const [hashing] = (await run("profit")).gpus[0].valuations;
  expect(hashing).toMatchObject({ workload: "hashing", label: "devcoin", priceUnit: "USD/TH", chosen: true });
  // The break-even price brings what the power costs, after fees.
  const kept = hashing.revenueUsdPerHour / hashing.price;
  expect(hashing.breakEvenPrice * kept).toBeCloseTo(hashing.electricityUsdPerHour, 12);

  const { inputs, to } = await run("status", "--why", gpu.uuid);
  expect(to).toBe("hashing");
  expect(inputs.valuations.map(({ workload }: { workload: string }) => workload)).toContain("hashing");

  const [end] = await run("bench", "--for", "2s");
  const point = { basis: expect.stringMatching(/^(effective|reported)$/), hashrateHps: expect.any(Number) };
  expect(end).toMatchObject({ type: "end", gpu: gpu.uuid, points: [point] });
  expect(end.points[0].hashrateHps).toBeGreaterThan(0);
});
