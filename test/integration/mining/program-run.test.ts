import { chmodSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MiningError } from "../../../src/mining/errors.ts";
import type { ApiKey } from "../../../src/mining/miners/api-keys.ts";
import type { MinerPool } from "../../../src/mining/miners/program.ts";
import { type MinerConfig, minerRun, toMinerPool } from "../../../src/mining/miners/program-run.ts";
import { seconds } from "../../../src/units/time.ts";
import { checkSpec } from "../../../src/workloads/docker/part-schema.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
let file: string;
beforeAll(() => {
  directory = new TemporaryDirectory();
  file = directory.write("miner", "#!/bin/sh\n");
  chmodSync(file, 0o755);
});
afterAll(() => directory[Symbol.dispose]());

const pool: MinerPool = {
  ...{ host: "pool.example.org", port: 443, tls: true, dialect: "ethereum-stratum" },
  ...{ user: "wallet.rig-3", password: "d=1" },
};
const told: string[] = [];
const apiKey: ApiKey = {
  token: "unguessable",
  tell: (text) => {
    told.push(text);
    return "/keys/GPU-a.json";
  },
};
const at = { host: "127.0.0.1", port: 3333, dialect: "ethereum-stratum" } as const;
const terms = { algorithm: "etchash", args: ["--more"], startTimeout: seconds(7) };
const common = { worker: "rig-3", pools: [pool], apiKey, isKnownAs: (login: string) => login === "wallet.rig-3" };
const run = (
  miner: MinerConfig,
  gpu: Parameters<typeof minerRun>[0]["gpu"] = { uuid: "GPU-a" },
  changes: Partial<Parameters<typeof minerRun>[0]> = {},
) => minerRun({ gpu, miner, proxy: at, ...common, ...changes });

describe("a miner program's work", () => {
  test("finds the proxy first, then the pools themselves, and sees one GPU", async () => {
    const spec = await run({ ...terms, program: "t-rex", file }).prepare();
    expect(spec).toMatchObject({
      name: "miner-GPU-a",
      role: "miner",
      command: file,
      env: { CUDA_VISIBLE_DEVICES: "GPU-a" },
      startTimeout: 7000,
    });
    expect(spec.args.join(" ")).toContain(
      "-o stratum2+tcp://127.0.0.1:3333 -u rig-3 -p x -o stratum2+ssl://pool.example.org:443 -u wallet.rig-3 -p d=1",
    );
    expect(spec.args).toContain(`127.0.0.1:${spec.answersAt?.port}`);
    expect(spec.args.at(-1)).toBe("--more");
  });

  test("of one login for all pools has the pools' at the proxy, where that is known, so that all of them are told", async () => {
    const known = await run({ ...terms, program: "bzminer", file }).prepare();
    expect(known.args.join(" ")).toContain(
      "-w wallet.rig-3 --pool_password d=1 -p ethstratum+tcp://127.0.0.1:3333 ethstratum+ssl://pool.example.org:443",
    );
    const shared = await run({ ...terms, program: "bzminer", file }, undefined, { isKnownAs: () => false }).prepare();
    expect(shared.args.join(" ")).toContain("-w rig-3 --pool_password x -p ethstratum+tcp://127.0.0.1:3333 --http");
  });

  test("is told the token of its API in a file, not where every user of the machine sees it", async () => {
    const { args, answersAt } = await run({ ...terms, program: "xmrig", file }).prepare();
    expect(args.join(" ")).toContain("-c /keys/GPU-a.json");
    expect(args.join(" ")).not.toContain("unguessable");
    expect(JSON.parse(told.at(-1) ?? "")).toMatchObject({
      http: { port: answersAt?.port, "access-token": "unguessable" },
    });
  });

  test("gets another port for its API at every start", async () => {
    const { prepare } = run({ ...terms, program: "t-rex", file });
    const [one, two] = [await prepare(), await prepare()];
    expect(one.answersAt?.port).toBeGreaterThan(0);
    expect(two.answersAt?.port).not.toBe(one.answersAt?.port);
  });

  test("names the card by its PCI address where the program asks for that", async () => {
    const gpu = { uuid: "GPU-a", pciBusId: "00000000:0A:00.0" } as const;
    const { args } = await run({ ...terms, program: "lolminer", file }, gpu).prepare();
    expect(args.join(" ")).toContain("--devicesbypcie --devices 10:0");
  });

  test("hides nothing from a program on another device", async () => {
    expect((await run({ ...terms, program: "xmrig", file }, { uuid: "CPU-a" }).prepare()).env).toEqual({});
  });

  test("is that of a description where the program is not known", async () => {
    const generic = { args: ["{algorithm}", "{pool}", "{user}"], path: "/", hashrate: "/h", hashrateUnit: 1 };
    const { args } = await run({ ...terms, program: "generic", file, generic }).prepare();
    expect(args).toEqual(["etchash", "127.0.0.1:3333", "rig-3", "--more"]);
    const wrong = run({ ...terms, program: "generic", file, generic: { ...generic, args: ["{wallet}"] } });
    await expect(wrong.prepare()).rejects.toMatchObject({ facts: { code: "ERR_MINER_ARGUMENT", field: "{wallet}" } });
  });

  test("in a container is the image's own program, listens inside and knows the proxy alone", async () => {
    const { file: _, ...miner } = { ...terms, program: "t-rex", file } as const;
    const gpu = { uuid: "GPU-0a" } as const;
    const options = { gpu, miner, image: `sha256:${"0".repeat(64)}`, ...common };
    const proxy = { ...at, host: "10.82.71.1", port: 3433 };
    const spec = await minerRun({ ...options, proxy }).prepare();
    expect(() => checkSpec(spec)).not.toThrow();
    expect(spec).toMatchObject({
      command: "",
      container: { profile: "operator", gpus: ["GPU-0a"], ready: { kind: "port", port: 4067 } },
    });
    const words = spec.args.join(" ");
    expect(words).toContain("-o stratum2+tcp://10.82.71.1:3433 -u rig-3 -p x --api-bind-http 0.0.0.0:4067");
    expect(words).not.toContain("pool.example.org");
    expect(spec.answersAt).toBeUndefined();
    // An agent that starts anew takes the container for what it wants.
    expect(await minerRun({ ...options, proxy }).prepare()).toEqual(spec);
  });

  test("is refused where the file is missing or may not be run", async () => {
    const plain = directory.write("plain", "");
    for (const wrong of ["/nowhere/miner", plain]) {
      const fault = await run({ ...terms, program: "t-rex", file: wrong })
        .prepare()
        .catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(MiningError);
      expect(fault).toMatchObject({ facts: { code: "ERR_MINER_FILE", retryable: true } });
    }
  });
});

test("a pool as a miner is told of it has the GPU's own login", () => {
  const login = { user: "wallet.{rig}-{gpu}", password: "d=1" };
  const target = { url: "stratum+ssl://pool.example.org:443", algorithm: "etchash", ...login } as const;
  expect(toMinerPool(target, "rig-3")).toEqual(pool);
  expect(toMinerPool({ ...target, url: "stratum+tcp://[::1]:1" }, "rig-3")).toMatchObject({ host: "::1", tls: false });
});
