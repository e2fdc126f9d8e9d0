import { describe, expect, test } from "vitest";
import { readRecorded, recordedData } from "../../support/recorded-data.ts";
import { testWith } from "../../support/requirement.ts";
import { replaySession, type SessionLine, type SessionTerms } from "../../support/session-replay.ts";

const FOLDER = "07-stratum-and-miner-api/stratum-gpu-dialects";

const c2s = (line: string, said?: string): SessionLine => ({
  dir: "c2s",
  line,
  ...(said === undefined ? {} : { said }),
});
const s2c = (line: string): SessionLine => ({ dir: "s2c", line });
/** Who says a recorded message tells itself: requests are the miner's, all else the pool's. */
const fromMiner = /"method": ?"(mining\.(subscribe|authorize|submit)|eth_\w+|login|submit)"/;
const recorded = (line: string): SessionLine => (fromMiner.test(line) ? c2s(line) : s2c(line));
const json = JSON.stringify;
const HASH = "ab".repeat(32);
const TARGET = `00000000ff${"ff".repeat(27)}`;

const ethereumStratum: SessionTerms = {
  algorithm: "etchash",
  dialect: "ethereum-stratum",
  user: "test",
  password: "password",
};
const kawpow: SessionTerms = { algorithm: "kawpow", dialect: "kawpow", user: "RBXwallet.rig0", password: "x" };
const kheavyhash: SessionTerms = {
  algorithm: "kheavyhash",
  dialect: "kheavyhash",
  user: "kaspa:qzwallet.rig0",
  password: "x",
};
const alephium: SessionTerms = { algorithm: "alephium", dialect: "alephium", user: "1ALPHwallet.rig0", password: "x" };
const cryptonote: SessionTerms = { algorithm: "randomx", dialect: "cryptonote", user: "4xmrwallet", password: "rig0" };
const ethProxy: SessionTerms = { algorithm: "etchash", dialect: "eth-proxy", user: "0xwallet.rig0", password: "x" };

const authorize = ({ user, password }: SessionTerms, id: number): readonly SessionLine[] => [
  c2s(
    json({ id, method: "mining.authorize", params: [user, password] }),
    json({ id, method: "mining.authorize", params: ["rig.0", "x"] }),
  ),
  s2c(json({ id, result: true, error: null })),
];
const accepted = (id: number) => s2c(json({ id, result: true, error: null }));
const note = (method: string, params: unknown) => s2c(json({ id: null, method, params }));

/** What of a session is recorded, put into its place; the rest is written by us in the pools' own layout. */
const kawpowSession = (subscribe: string, subscribed: string): readonly SessionLine[] => [
  ...[c2s(subscribe), s2c(subscribed), ...authorize(kawpow, 2)],
  note("mining.set_target", [TARGET]),
  note("mining.notify", ["1f4a", HASH, HASH, TARGET, true, 2_345_678, "1b00c8f6"]),
  c2s(
    json({
      id: 4,
      method: "mining.submit",
      params: [kawpow.user, "1f4a", `0x64290b${"0a".repeat(5)}`, `0x${HASH}`, `0x${HASH}`],
    }),
  ),
  accepted(4),
];
const kheavyhashSession = (subscribe: string, extranonce: string): readonly SessionLine[] => [
  ...[c2s(subscribe), s2c(json({ id: 1, jsonrpc: "2.0", result: [true, "EthereumStratum/1.0.0"] })), s2c(extranonce)],
  ...authorize(kheavyhash, 2),
  note("mining.set_difficulty", [4.25]),
  s2c(
    '{"jsonrpc":"2.0","method":"mining.notify","params":["12",[18446744073709551615,9007199254740993,12345678901234567891,1],1700000000123]}',
  ),
  c2s(json({ id: 3, method: "mining.submit", params: [kheavyhash.user, "12", "0x00290123456789ab"] })),
  accepted(3),
];
const alephiumSession = (extranonce: string): readonly SessionLine[] => [
  ...[
    c2s(json({ id: 1, method: "mining.subscribe", params: ["miner/1.0"] })),
    s2c(json({ id: 1, result: "session" })),
    s2c(extranonce),
  ],
  ...authorize(alephium, 2),
  note("mining.set_difficulty", [8]),
  note("mining.notify", [
    { jobId: "0001", fromGroup: 0, toGroup: 3, headerBlob: "00ff", txsBlob: "", targetBlob: "ff" },
  ]),
  c2s(
    json({
      id: 3,
      method: "mining.submit",
      params: { jobId: "0001", fromGroup: 0, toGroup: 3, nonce: `515a${"00".repeat(22)}`, worker: alephium.user },
    }),
  ),
  accepted(3),
];
const cryptonoteSession = (submit: string): readonly SessionLine[] => {
  const { id: session, job_id } = (JSON.parse(submit) as { params: { id: string; job_id: string } }).params;
  const login = (user: string, pass: string) =>
    json({
      id: 1,
      jsonrpc: "2.0",
      method: "login",
      params: { login: user, pass, agent: "XMRig/6.21.0", algo: ["rx/0"] },
    });
  const job = { blob: "1010a4", job_id, target: "b88d0600", algo: "rx/0", height: 3_100_000, seed_hash: HASH };
  return [
    c2s(login(cryptonote.user, cryptonote.password), login("rig.0", "x")),
    s2c(json({ id: 1, jsonrpc: "2.0", error: null, result: { id: session, job, status: "OK" } })),
    c2s(submit),
    s2c(json({ id: 4, jsonrpc: "2.0", error: null, result: { status: "OK" } })),
  ];
};

describe("a session", () => {
  const replayed = (
    file: string,
    { whose, ...terms }: SessionTerms & { readonly whose: string },
    toSession: (lines: readonly string[]) => readonly SessionLine[],
    difficulty: number,
  ) =>
    testWith(
      recordedData(`${FOLDER}/${file}`),
      `of ${terms.dialect}, ${whose}, passes line by line, its share accepted and booked`,
      async () => {
        const lines = readRecorded(`${FOLDER}/${file}`).split("\n").filter(Boolean);
        expect(await replaySession(toSession(lines), terms)).toMatchObject([
          { verdict: "accepted", gpu: "GPU-0", algorithm: terms.algorithm, difficulty: expect.closeTo(difficulty, 2) },
        ]);
      },
    );

  // The text's own second example is a whole session.
  replayed(
    "EthereumStratum_NiceHash_v1.0.0.jsonl",
    { ...ethereumStratum, whose: "as its specification has it" },
    (lines) => lines.slice(7).map(recorded),
    1,
  );
  replayed(
    "KawPow_NiceHash_v1.0.jsonl",
    { ...kawpow, whose: "ours but for the recorded subscription and its answer" },
    ([subscribe = "", subscribed = ""]) => kawpowSession(subscribe, subscribed),
    1,
  );
  replayed(
    "KHeavyHash_NiceHash_v1.0.jsonl",
    { ...kheavyhash, whose: "ours but for the recorded subscription and extranonce" },
    ([subscribe = "", extranonce = ""]) => kheavyhashSession(subscribe, extranonce),
    4.25,
  );
  replayed(
    "Alephium_NiceHash_v1.0.jsonl",
    { ...alephium, whose: "ours but for the recorded extranonce" },
    ([extranonce = ""]) => alephiumSession(extranonce),
    8,
  );
  replayed(
    "NiceHash_CryptoNight_modification_v1.0.jsonl",
    { ...cryptonote, whose: "ours but for the recorded share" },
    ([submit = ""]) => cryptonoteSession(submit),
    10_000,
  );
});

describe("a session that is all ours, in a pool's own layout", () => {
  const own = (terms: SessionTerms, session: readonly SessionLine[], difficulty: number) =>
    test(`of ${terms.dialect} passes line by line, its share accepted and booked`, async () => {
      expect(await replaySession(session, terms)).toMatchObject([
        { verdict: "accepted", gpu: "GPU-0", algorithm: terms.algorithm, difficulty: expect.closeTo(difficulty, 2) },
      ]);
    });

  own(
    ethereumStratum,
    [
      c2s(json({ id: 1, method: "mining.subscribe", params: ["miner/1.0", "EthereumStratum/1.0.0"] })),
      s2c(json({ id: 1, result: [["mining.notify", "0001", "EthereumStratum/1.0.0"], "5a1f"], error: null })),
      ...authorize(ethereumStratum, 2),
      note("mining.set_difficulty", [0.5]),
      note("mining.notify", ["7f", HASH, HASH, true]),
      c2s(json({ id: 3, method: "mining.submit", params: ["test", "7f", "6a909d9bbc0f"] })),
      accepted(3),
    ],
    0.5,
  );
  const ethLogin = (user: string, worker: string) =>
    json({ id: 1, jsonrpc: "2.0", method: "eth_submitLogin", params: [user, "x"], worker });
  const submitWork = (worker: string) =>
    json({
      id: 4,
      jsonrpc: "2.0",
      method: "eth_submitWork",
      params: [`0x${"1f".repeat(8)}`, `0x${HASH}`, `0x${"0b".repeat(32)}`],
      worker,
    });
  own(
    ethProxy,
    [
      c2s(ethLogin("0xwallet", "rig0"), ethLogin("rig", "0")),
      s2c('{"id":1,"jsonrpc":"2.0","result":true}'),
      c2s('{"id":2,"jsonrpc":"2.0","method":"eth_getWork","params":[]}'),
      s2c(json({ id: 2, jsonrpc: "2.0", result: [`0x${"0c".repeat(32)}`, `0x${HASH}`, `0x${TARGET}`, "0x1b4"] })),
      s2c(json({ id: 0, jsonrpc: "2.0", result: [`0x${HASH}`, `0x${HASH}`, `0x${TARGET}`, "0x1b5"] })),
      c2s(submitWork("rig0"), submitWork("0")),
      s2c('{"id":4,"jsonrpc":"2.0","result":true}'),
    ],
    1,
  );
  own(
    kawpow,
    kawpowSession(
      '{"id":1,"method":"mining.subscribe","params":["kawpowminer/1.2.4","EthereumStratum/1.0.0"]}',
      '{"id":1,"result":[null,"64290b"],"error":null}',
    ),
    1,
  );
  own(
    kheavyhash,
    kheavyhashSession(
      '{"id":1,"method":"mining.subscribe","params":["BzMiner/v23.0.2"]}',
      '{"id":null,"method":"set_extranonce","params":["0029",6]}',
    ),
    4.25,
  );
  own(alephium, alephiumSession('{"id":null,"method":"mining.set_extranonce","params":["515a"]}'), 8);
  own(
    cryptonote,
    cryptonoteSession(
      json({
        id: 4,
        jsonrpc: "2.0",
        method: "submit",
        params: { id: "c7f3", job_id: "Q8", nonce: "d0030040", result: "e1".repeat(32) },
      }),
    ),
    10_000,
  );
});
