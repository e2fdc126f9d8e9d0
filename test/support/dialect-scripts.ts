import type { AlgorithmName, DialectName } from "../../src/config/mining-terms.ts";

/** One dialect as a miner and a pool speak it, with what the proxy between them must make of it. */
export interface DialectScript {
  readonly dialect: DialectName;
  readonly algorithm: AlgorithmName;
  /** What the miner `rig.0` says first. */
  readonly login: readonly string[];
  /** The same as the pool `wallet.<pool>` with password `secret-<pool>` must hear it. */
  readonly loginAt: (pool: string) => readonly string[];
  /** The pool's answers and first work on one connection; `prefix` is its extranonce. */
  readonly welcome: (prefix: string, job: string) => readonly string[];
  readonly job: (id: string) => string;
  readonly submit: (id: number, job: string) => string;
  readonly submitAt: (pool: string, id: number, job: string) => string;
  readonly accept: (id: number) => string;
  readonly refuse: (id: number, message: string) => string;
  /** What a miner that worked elsewhere must hear of a connection with that prefix and job. */
  readonly moved: (prefix: string, job: string) => readonly string[];
  /** How the pool doubles the difficulty and says a job under it, known or new. */
  readonly harder: (job: string) => readonly string[];
  readonly difficulty: number;
  readonly hashes: number;
}

const json = JSON.stringify;
const H = (byte: string) => byte.repeat(32);
const call = (id: unknown, method: string, params: unknown) => json({ id, method, params });
const answer = (id: unknown, result: unknown) => json({ id, result, error: null });
const note = (method: string, params: unknown) => call(null, method, params);

const mining = {
  accept: (id: number) => answer(id, true),
  refuse: (id: number, message: string) => json({ id, result: null, error: [23, message, null] }),
};

/** A word of a Kaspa job that no JavaScript number holds. */
export const BIG_WORDS = "18446744073709551615,9007199254740993,12345678901234567891,1";

const ethereumStratum: DialectScript = {
  dialect: "ethereum-stratum",
  algorithm: "etchash",
  login: [
    call(1, "mining.subscribe", ["miner/1.0", "EthereumStratum/1.0.0"]),
    call(3, "mining.extranonce.subscribe", []),
    call(2, "mining.authorize", ["rig.0", "x"]),
  ],
  loginAt: (pool) => [
    call(1, "mining.subscribe", ["miner/1.0", "EthereumStratum/1.0.0"]),
    call(3, "mining.extranonce.subscribe", []),
    call(2, "mining.authorize", [`wallet.${pool}`, `secret-${pool}`]),
  ],
  welcome: (prefix, job) => [
    answer(1, [["mining.notify", "ae68", "EthereumStratum/1.0.0"], prefix]),
    answer(3, true),
    answer(2, true),
    note("mining.set_difficulty", [0.5]),
    note("mining.notify", [job, H("ab"), H("64"), true]),
  ],
  job: (id) => note("mining.notify", [id, H("ab"), H("65"), false]),
  submit: (id, job) => call(id, "mining.submit", ["rig.0", job, "6a909d9bbc0f"]),
  submitAt: (pool, id, job) => call(id, "mining.submit", [`wallet.${pool}`, job, "6a909d9bbc0f"]),
  ...mining,
  moved: (prefix, job) => [
    note("mining.set_extranonce", [prefix]),
    note("mining.set_difficulty", [0.5]),
    note("mining.notify", [job, H("ab"), H("64"), true]),
  ],
  harder: (job) => [note("mining.set_difficulty", [1]), note("mining.notify", [job, H("ab"), H("64"), false])],
  difficulty: 0.5,
  hashes: 2 ** 31,
};

const HEADER = `0x${H("0a")}`;
const ethProxy: DialectScript = {
  dialect: "eth-proxy",
  algorithm: "etchash",
  login: [
    json({ id: 1, method: "eth_submitLogin", params: ["rig.0", "x"], worker: "0" }),
    json({ id: 5, method: "eth_getWork", params: [] }),
  ],
  loginAt: (pool) => [
    json({ id: 1, method: "eth_submitLogin", params: ["wallet", `secret-${pool}`], worker: pool }),
    json({ id: 5, method: "eth_getWork", params: [] }),
  ],
  welcome: (_, job) => [
    json({ id: 1, jsonrpc: "2.0", result: true }),
    json({ id: 5, jsonrpc: "2.0", result: [job, `0x${H("ab")}`, `0x00000001${"00".repeat(28)}`] }),
  ],
  job: (id) => json({ id: 0, jsonrpc: "2.0", result: [id, `0x${H("ab")}`, `0x00000001${"00".repeat(28)}`] }),
  submit: (id, job) =>
    json({ id, method: "eth_submitWork", params: [`0x${"11".repeat(8)}`, job, HEADER], worker: "0" }),
  submitAt: (pool, id, job) =>
    json({ id, method: "eth_submitWork", params: [`0x${"11".repeat(8)}`, job, HEADER], worker: pool }),
  accept: (id) => json({ id, jsonrpc: "2.0", result: true }),
  refuse: (id, message) => json({ id, jsonrpc: "2.0", result: false, error: message }),
  moved: (_, job) => [json({ id: 0, jsonrpc: "2.0", result: [job, `0x${H("ab")}`, `0x00000001${"00".repeat(28)}`] })],
  harder: (job) => [json({ id: 0, jsonrpc: "2.0", result: [job, `0x${H("ab")}`, `0x0000000080${"00".repeat(27)}`] })],
  difficulty: 1,
  hashes: 2 ** 32,
};

const TARGET = `00000000ff${"ff".repeat(27)}`;
const HALF_TARGET = `000000007f${"ff".repeat(27)}`;
const kawpow: DialectScript = {
  dialect: "kawpow",
  algorithm: "kawpow",
  login: [
    call(1, "mining.subscribe", ["miner/1.0", null]),
    call(3, "mining.extranonce.subscribe", []),
    call(2, "mining.authorize", ["rig.0", "x"]),
  ],
  loginAt: (pool) => [
    call(1, "mining.subscribe", ["miner/1.0", null]),
    call(3, "mining.extranonce.subscribe", []),
    call(2, "mining.authorize", [`wallet.${pool}`, `secret-${pool}`]),
  ],
  welcome: (prefix, job) => [
    answer(1, [null, prefix]),
    answer(3, true),
    answer(2, true),
    note("mining.set_target", [TARGET]),
    note("mining.notify", [job, H("cd"), H("ab"), TARGET, true, 1234567, "1b00ffff"]),
  ],
  job: (id) => note("mining.notify", [id, H("ce"), H("ab"), TARGET, false, 1234568, "1b00ffff"]),
  submit: (id, job) => call(id, "mining.submit", ["rig.0", job, `0x${"22".repeat(8)}`, `0x${H("cd")}`, `0x${H("ef")}`]),
  submitAt: (pool, id, job) =>
    call(id, "mining.submit", [`wallet.${pool}`, job, `0x${"22".repeat(8)}`, `0x${H("cd")}`, `0x${H("ef")}`]),
  ...mining,
  moved: (prefix, job) => [
    note("mining.set_extranonce", [prefix]),
    note("mining.set_target", [TARGET]),
    note("mining.notify", [job, H("cd"), H("ab"), TARGET, true, 1234567, "1b00ffff"]),
  ],
  harder: (job) => [
    note("mining.set_target", [HALF_TARGET]),
    note("mining.notify", [job, H("cd"), H("ab"), HALF_TARGET, false, 1234567, "1b00ffff"]),
  ],
  difficulty: 1,
  hashes: 2 ** 32,
};

const kaspaJob = (id: string) =>
  `{"id":null,"method":"mining.notify","params":["${id}",[${BIG_WORDS}],1700000000123456789]}`;
const kheavyhash: DialectScript = {
  dialect: "kheavyhash",
  algorithm: "kheavyhash",
  login: [call(1, "mining.subscribe", ["miner/1.0"]), call(2, "mining.authorize", ["rig.0", "x"])],
  loginAt: (pool) => [
    call(1, "mining.subscribe", ["miner/1.0"]),
    call(2, "mining.authorize", [`wallet.${pool}`, `secret-${pool}`]),
  ],
  welcome: (prefix, job) => [
    answer(1, [true, "EthereumStratum/1.0.0"]),
    note("set_extranonce", [prefix, 8 - prefix.length / 2]),
    answer(2, true),
    note("mining.set_difficulty", [4.5]),
    kaspaJob(job),
  ],
  job: kaspaJob,
  submit: (id, job) => call(id, "mining.submit", ["rig.0", job, "0x0029000000000001"]),
  submitAt: (pool, id, job) => call(id, "mining.submit", [`wallet.${pool}`, job, "0x0029000000000001"]),
  ...mining,
  moved: (prefix, job) => [
    note("set_extranonce", [prefix, 8 - prefix.length / 2]),
    note("mining.set_difficulty", [4.5]),
    kaspaJob(job),
  ],
  harder: (job) => [note("mining.set_difficulty", [9]), kaspaJob(job)],
  difficulty: 4.5,
  hashes: 4.5 * 2 ** 32,
};

const chainJob = (jobId: string, toGroup: number) => ({
  jobId,
  fromGroup: 0,
  toGroup,
  headerBlob: "00ff",
  txsBlob: "",
});
const alephJob = (id: string) => note("mining.notify", [chainJob(id, 0), chainJob(`${id}-1`, 1)]);
const alephium: DialectScript = {
  dialect: "alephium",
  algorithm: "alephium",
  login: [call(1, "mining.subscribe", ["miner/1.0"]), call(2, "mining.authorize", ["rig.0", "x"])],
  loginAt: (pool) => [
    call(1, "mining.subscribe", ["miner/1.0"]),
    call(2, "mining.authorize", [`wallet.${pool}`, `secret-${pool}`]),
  ],
  welcome: (prefix, job) => [
    answer(1, "session"),
    note("mining.set_extranonce", [prefix]),
    answer(2, true),
    note("mining.set_difficulty", [2]),
    alephJob(job),
  ],
  job: alephJob,
  submit: (id, job) =>
    call(id, "mining.submit", { jobId: `${job}-1`, fromGroup: 0, toGroup: 1, nonce: "33".repeat(24), worker: "rig.0" }),
  submitAt: (pool, id, job) =>
    call(id, "mining.submit", {
      jobId: `${job}-1`,
      fromGroup: 0,
      toGroup: 1,
      nonce: "33".repeat(24),
      worker: `wallet.${pool}`,
    }),
  ...mining,
  moved: (prefix, job) => [note("mining.set_extranonce", [prefix]), note("mining.set_difficulty", [2]), alephJob(job)],
  harder: (job) => [note("mining.set_difficulty", [4]), alephJob(job)],
  difficulty: 2,
  hashes: 2 ** 35,
};

const moneroJob = (id: string) => ({ blob: "0707", job_id: id, target: "b88d0600", algo: "rx/0", height: 3_000_000 });
const cryptonote: DialectScript = {
  dialect: "cryptonote",
  algorithm: "randomx",
  login: [
    json({ id: 1, jsonrpc: "2.0", method: "login", params: { login: "rig.0", pass: "x", agent: "m/1", rigid: "" } }),
  ],
  loginAt: (pool) => [
    json({
      id: 1,
      jsonrpc: "2.0",
      method: "login",
      params: { login: `wallet.${pool}`, pass: `secret-${pool}`, agent: "m/1", rigid: "" },
    }),
  ],
  welcome: (prefix, job) => [
    json({ id: 1, jsonrpc: "2.0", error: null, result: { id: `s${prefix}`, job: moneroJob(job), status: "OK" } }),
  ],
  job: (id) => json({ jsonrpc: "2.0", method: "job", params: moneroJob(id) }),
  submit: (id, job) =>
    json({
      id,
      jsonrpc: "2.0",
      method: "submit",
      params: { id: "s0a0a", job_id: job, nonce: "95565503", result: H("1b") },
    }),
  submitAt: (pool, id, job) =>
    json({
      id,
      jsonrpc: "2.0",
      method: "submit",
      params: { id: pool === "b" ? "s0b0b" : "s0a0a", job_id: job, nonce: "95565503", result: H("1b") },
    }),
  accept: (id) => json({ id, jsonrpc: "2.0", error: null, result: { status: "OK" } }),
  refuse: (id, message) => json({ id, jsonrpc: "2.0", error: { code: -1, message }, result: null }),
  moved: (_, job) => [json({ jsonrpc: "2.0", method: "job", params: moneroJob(job) })],
  // 2^32 / 0x000346dc
  harder: (job) => [json({ jsonrpc: "2.0", method: "job", params: { ...moneroJob(job), target: "dc460300" } })],
  // 2^32 / 0x00068db8
  difficulty: 10_000,
  hashes: 10_000,
};

const bitcoinJob = (id: string, clean: boolean) =>
  note("mining.notify", [id, H("cd"), "01", "02", [H("ef")], "20000000", "1d00ffff", "68e5a000", clean]);
const bitcoinV1: DialectScript = {
  dialect: "bitcoin-v1",
  algorithm: "sha256d",
  login: [
    call(1, "mining.subscribe", ["miner/1.0"]),
    call(3, "mining.extranonce.subscribe", []),
    call(2, "mining.authorize", ["rig.0", "x"]),
  ],
  loginAt: (pool) => [
    call(1, "mining.subscribe", ["miner/1.0"]),
    call(3, "mining.extranonce.subscribe", []),
    call(2, "mining.authorize", [`wallet.${pool}`, `secret-${pool}`]),
  ],
  welcome: (prefix, job) => [
    answer(1, [[], prefix, 4]),
    answer(3, true),
    answer(2, true),
    note("mining.set_difficulty", [512]),
    bitcoinJob(job, true),
  ],
  job: (id) => bitcoinJob(id, false),
  submit: (id, job) => call(id, "mining.submit", ["rig.0", job, "00000001", "68e5a000", "deadbeef"]),
  submitAt: (pool, id, job) => call(id, "mining.submit", [`wallet.${pool}`, job, "00000001", "68e5a000", "deadbeef"]),
  ...mining,
  moved: (prefix, job) => [
    note("mining.set_extranonce", [prefix, 4]),
    note("mining.set_difficulty", [512]),
    bitcoinJob(job, true),
  ],
  harder: (job) => [note("mining.set_difficulty", [1024]), bitcoinJob(job, false)],
  difficulty: 512,
  hashes: 512 * 2 ** 32,
};

/** A job id: EthProxy names its jobs by their header hash. */
export const jobId = ({ dialect }: DialectScript, name: string): string =>
  dialect === "eth-proxy" ? `0x${Buffer.from(name).toString("hex").padStart(64, "0")}` : name;

export const dialectScripts: readonly DialectScript[] = [
  bitcoinV1,
  ethereumStratum,
  ethProxy,
  kawpow,
  kheavyhash,
  alephium,
  cryptonote,
];
